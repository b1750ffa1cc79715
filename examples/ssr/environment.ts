// React asks for process.env.NODE_ENV, which a browser doesn't have. Where the
// bundler has not replaced it (see Define in the template), this answers.
if (!('process' in globalThis)) Object.assign(globalThis, { process: { env: { NODE_ENV: 'production' } } });
