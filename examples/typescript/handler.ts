// A countdown as server-sent events: the format that EventSource reads in every
// browser.

import { countdown, encode } from './events';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const handler = awslambda.streamifyResponse<awslambda.FunctionUrlEvent>(
  async (event, responseStream): Promise<void> => {
    const query = event.queryStringParameters ?? {};
    const from = within(query.from, 0, 100, 5);
    const ms = within(query.pause, 0, 5000, 1000);

    const stream = awslambda.HttpResponseStream.from(responseStream, {
      statusCode: 200,
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      },
    });

    for (const message of countdown(from)) {
      stream.write(encode(message));
      if (message.event === 'tick') {
        await pause(ms);
      }
    }
    stream.end();
  },
);

// within reads a whole number, or gives the fallback when there is none between
// the two bounds.
function within(text: string | undefined, least: number, most: number, fallback: number): number {
  const value = Number(text);
  return text && Number.isInteger(value) && value >= least && value <= most ? value : fallback;
}
