// `awslambda` is a global of Lambda's Node.js runtimes, there is nothing to import.

import { setTimeout as sleep } from 'node:timers/promises';

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const name = event.queryStringParameters?.name || 'world';
  console.log('greeting', name); // shown by sluice dev, and in the function's log

  // Status and headers travel with the first write.
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });

  stream.write(`Hello, ${name}.\n`);
  for (let left = 3; left > 0; left--) {
    await sleep(400); // your slow work: a query, a model, another service
    stream.write(`${left}\n`);
  }
  stream.write('Done.\n');
  stream.end();
});
