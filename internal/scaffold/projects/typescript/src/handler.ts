// A job that tells how far it is: one JSON object a line.

import { work, type Progress } from './work';

export const handler = awslambda.streamifyResponse<awslambda.FunctionUrlEvent>(async (event, responseStream) => {
  const steps = stepsOf(event.queryStringParameters?.steps);

  // Status and headers travel with the first write.
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
  });
  const tell = (progress: Progress) => stream.write(JSON.stringify(progress) + '\n');

  for await (const progress of work(steps)) {
    tell(progress);
  }
  stream.end();
});

/** Reads a whole number from 1 to 50, or takes 4. */
function stepsOf(text: string | undefined): number {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= 50 ? value : 4;
}
