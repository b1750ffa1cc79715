// The markup around the parts. The frame is a shadow root that is declared in the
// page: its slots show "Loading" until an element with their name arrives, in
// whatever order that happens. Browsers do this by themselves.

// What came from outside is text, never markup.
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export const frame = (names) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Streamed page</title>
  <style>
    :root { color-scheme: light dark; }
    body { margin: 0 auto; max-width: 40rem; padding: 2rem 1.5rem; font: 1.0625rem/1.6 system-ui, sans-serif; }
    p, ul { margin: 0; }
  </style>
</head>
<body>
  <main>
    <template shadowrootmode="open">
      <style>
        h1 { line-height: 1.2; }
        h2 { font-size: 1rem; margin: 0; }
        section { margin: 1rem 0; padding: 1rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; }
      </style>
      <h1>This was here first</h1>
${names.map((name) => `      <section aria-live="polite"><h2>${name}</h2><slot name="${name}">Loading…</slot></section>`).join('\n')}
    </template>
`;

export const slot = (name, markup) => `    <div slot="${name}">${markup}</div>\n`;

export const end = `  </main>
</body>
</html>
`;
