// A request to a Function URL: {method, path, query, headers, body}, where headers
// is text with one "name: value" a line.

export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

export const empty = { method: 'GET', path: '/', query: '', headers: '', body: '' }

// A page may not set these; the browser does, or leaves them out.
const forbidden = /^(accept-charset|accept-encoding|access-control-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|proxy-.*|referer|sec-.*|te|trailer|transfer-encoding|upgrade|via)$/i

export const hasBody = (method) => method !== 'GET' && method !== 'HEAD'

// parse returns a request's headers as pairs, or throws an Error that says which
// line is wrong.
export function parse(text) {
  const pairs = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:(.*)$/.exec(line) ?? []
    if (!name) throw new Error(`Line ${i + 1} of the headers is not “name: value”.`)
    if (forbidden.test(name)) throw new Error(`Browsers don't let a page set the header ${name}. Invoke with an event, or use curl.`)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new Error(`The header ${name} holds a character that headers can't carry.`)
    pairs.push([name.toLowerCase(), value.trim()])
  }
  return pairs
}

// qualifier is the alias that a URL is for, "" for the function itself.
export const qualifier = (url) => (url.FunctionArn ?? '').split(':')[7] ?? ''

// address is where a request goes: the path form, which has this page's origin.
export function address(name, url, { path, query }) {
  const alias = qualifier(url)
  const target = encodeURIComponent(name) + (alias && `:${encodeURIComponent(alias)}`)
  return `/lambda-url/${target}/${path.replace(/^\//, '')}${query && `?${query.replace(/^\?/, '')}`}`
}

// event is what a Function URL makes of a request.
export function event(request, now = new Date()) {
  const { method, body } = request
  const headers = { accept: '*/*', 'user-agent': 'sluice-console' }
  for (const [name, value] of parse(request.headers)) headers[name] = name in headers && name !== 'accept' && name !== 'user-agent' ? `${headers[name]},${value}` : value
  const query = request.query.replace(/^\?/, '')
  const parameters = {}
  for (const [name, value] of new URLSearchParams(query)) parameters[name] = name in parameters ? `${parameters[name]},${value}` : value
  const path = `/${request.path.replace(/^\//, '')}`
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers,
    ...(query && { queryStringParameters: parameters }),
    requestContext: {
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: headers['user-agent'] },
      routeKey: '$default',
      stage: '$default',
      timeEpoch: now.getTime(),
    },
    ...(hasBody(method) && body && { body }),
    isBase64Encoded: false,
  }
}
