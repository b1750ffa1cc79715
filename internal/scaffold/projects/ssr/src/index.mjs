// A page that is sent in the order in which it is ready: first its frame, then each
// part as soon as there is one.

import { frame, slot, end } from './page.mjs';
import { parts } from './parts.mjs';

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const known = event.rawPath === '/';
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: known ? 200 : 404,
    headers: { 'content-type': known ? 'text/html; charset=utf-8' : 'text/plain', 'cache-control': 'no-store' },
  });
  if (!known) {
    stream.write('Not found.\n');
    stream.end();
    return;
  }

  // The browser draws the frame, with a place for every part, while they are made.
  stream.write(frame(Object.keys(parts)));

  // All parts begin at once, and each is written when it is ready.
  await Promise.all(Object.entries(parts).map(async ([name, render]) => {
    try {
      stream.write(slot(name, await render(event)));
    } catch (err) {
      // The status is gone already: a part that fails leaves the others alone.
      console.error(name, err);
      stream.write(slot(name, '<p>This part is not available right now.</p>'));
    }
  }));

  stream.write(end);
  stream.end();
});
