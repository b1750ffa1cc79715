// A response of any size, made while it is sent.
//
// GET /?mb=30 answers 30 MB of numbered lines of 64 bytes each and, as the last
// line, the SHA-256 of everything before it. The same request gets the same
// bytes every time, so that a reader can tell a whole body from a broken one.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const MB = 1024 * 1024; // as Lambda counts
const lineLength = 64;
const linesPerPiece = 1024; // pieces of 64 KiB
const largest = 1024;

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const asked = event.queryStringParameters?.mb ?? '8';
  const mb = /^\d{1,4}$/.test(asked) ? Number(asked) : NaN;

  if (!(mb <= largest)) {
    const refusal = awslambda.HttpResponseStream.from(responseStream, {
      statusCode: 400,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    // write() before end(): the status travels with the first write.
    refusal.write(`mb is a whole number from 0 to ${largest}, such as /?mb=30\n`);
    refusal.end();
    return;
  }

  const response = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      // Not content-length: Lambda keeps a streamed response chunked and renames
      // that header.
      'x-body-bytes': String(mb * MB + 'sha256 '.length + 64 + 1),
    },
  });

  // pipeline() asks for the next piece only when the stream has room, so memory
  // stays flat however slow the reader is; it ends the stream, and an error on
  // either side rejects the promise.
  await pipeline(Readable.from(pieces(mb), { objectMode: false }), response);
});

// pieces yields the lines, then the checksum of all of them.
function* pieces(mb) {
  const hash = createHash('sha256');
  const lines = (mb * MB) / lineLength;
  for (let first = 0; first < lines; first += linesPerPiece) {
    const piece = Buffer.alloc(linesPerPiece * lineLength);
    for (let i = 0; i < linesPerPiece; i++) {
      piece.write(line(first + i), i * lineLength, 'latin1');
    }
    hash.update(piece);
    yield piece;
  }
  yield Buffer.from(`sha256 ${hash.digest('hex')}\n`);
}

// line is 64 bytes long: its number, filler and a newline.
function line(number) {
  return String(number).padStart(10, '0').padEnd(lineLength - 1, ' .') + '\n';
}
