// A page that arrives line by line.
//
// `awslambda` is a global of Lambda's Node.js runtimes, there is nothing to
// import: streamifyResponse() marks a handler as one that streams, and
// HttpResponseStream.from() gives its stream a status, headers and cookies.

import { setTimeout as sleep } from 'node:timers/promises';

const lines = [
  'The status and the headers left before this line was written.',
  'Each line is one call of write(); the pause after it is real.',
  'Your browser draws what it has. Nothing waits for the end.',
  'A streamed response may go on until the function times out: up to 15 minutes.',
  'Now the handler calls end(), and the response is complete.',
];

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const query = event.queryStringParameters ?? {};
  const name = query.name || 'world';
  const pause = milliseconds(query.pause, 500);

  const page = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      // A cache would replay the page in one piece.
      'cache-control': 'no-store',
    },
  });

  // The first write sends status and headers along. A stream that is ended
  // without any write sends neither: it is a well-known trap.
  page.write(top(name));
  for (const [i, line] of lines.entries()) {
    await sleep(pause);
    page.write(`      <li id="line-${i + 1}">${escape(line)}</li>\n`);
  }
  page.write(bottom);
  page.end();
});

// What came from the request is text, never markup.
function escape(text) {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function milliseconds(text, fallback) {
  const value = Number(text ?? fallback);
  return value >= 0 && value <= 5000 ? value : fallback;
}

// Everything that a reader needs to see the first line stands in the first
// piece: the style sheet, the heading and the start of the list. `aria-live`
// makes a screen reader announce the lines as they come.
const top = (name) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Hello, ${escape(name)}</title>
  <style>
    :root { color-scheme: light dark; --ink: #17202a; --paper: #fbfaf7; --soft: #56616d; --water: #0b6e99; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e8eaed; --paper: #12171c; --soft: #a3adb8; --water: #6cc5ea; }
    }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 1.125rem/1.6 system-ui, sans-serif; }
    main { max-width: 38rem; margin: 0 auto; padding: 3rem 1.5rem; }
    h1 { font-size: 2.25rem; line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance; overflow-wrap: anywhere; }
    .lead, footer { color: var(--soft); }
    ol { list-style: none; counter-reset: line; margin: 2rem 0; padding: 0 0 0 1.25rem; border-left: 3px solid var(--water); }
    li { counter-increment: line; margin: 0 0 1rem; }
    li::before { content: counter(line) ". "; color: var(--water); font-variant-numeric: tabular-nums; font-weight: 600; }
    code { font-family: ui-monospace, monospace; font-size: .95em; }
    @media (prefers-reduced-motion: no-preference) {
      li { animation: arrive .4s ease-out; }
      @keyframes arrive { from { opacity: 0; transform: translateY(.5rem); } }
    }
  </style>
</head>
<body>
  <main>
    <h1>Hello, ${escape(name)}</h1>
    <p class="lead">This page is still on its way while you read it.</p>
    <ol aria-live="polite">
`;

const bottom = `    </ol>
    <footer id="done">That was all. Try <code>?name=Ada&amp;pause=1500</code>.</footer>
  </main>
</body>
</html>
`;
