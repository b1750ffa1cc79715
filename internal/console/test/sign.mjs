// Prints the requests of the page as it signs them, one JSON object each, for a
// region and a secret.

const [region, secret] = process.argv.slice(2)
globalThis.location = { origin: 'http://localhost:9000' }
globalThis.fetch = async (url, { method, body, headers }) => {
  console.log(JSON.stringify({ Method: method, URL: url.href, Body: body ? new TextDecoder().decode(body) : '', Headers: headers }))
  return new Response('{}')
}

const credentials = await import('../assets/credentials.mjs')
const api = await import('../assets/api.mjs')

credentials.keep({ key: 'AKIDEXAMPLE', secret, region })
await api.functions()
await api.urls('plain')
await api.configuration('arn:aws:lambda:us-east-1:123456789012:function:odd name:7')
await api.invocations({ function: "it's (odd) * + & ~ é", limit: 5 })
await api.invocations({ since: '5m', until: '2026-05-06T09:08:07.123456789Z' })
await api.logs('a b', 10).catch(() => {})
await api.invokeStreaming('plain', '{"text":"é"}')
await api.invokeBuffered('with:alias', '{}')
