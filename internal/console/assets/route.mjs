// Addresses of pages: #/ lists functions, #/f/NAME is one, #/i/REQUESTID an
// invocation, #/invocations and #/charts are about all or those that their query
// says.

// parse returns {page, name, query} of a hash; page is null for one that is none.
export function parse(hash) {
  const [path, text = ''] = hash.replace(/^#/, '').split('?', 2)
  const query = Object.fromEntries(new URLSearchParams(text))
  if (path === '' || path === '/') return { page: 'functions', name: '', query }
  if (path === '/invocations' || path === '/charts') return { page: path.slice(1), name: '', query }
  const [, kind, label] = /^\/([fi])\/(.+)$/.exec(path) ?? []
  if (!kind) return { page: null, name: '', query }
  return { page: kind === 'f' ? 'function' : 'invocation', name: decode(label), query }
}

// What was typed may be no encoding; it is taken as it is.
function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

// address is the hash of a page with the values of its query that are not "".
export function address(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '' && value !== undefined)).toString()
  return `#/${path}${text && `?${text}`}`
}

export const ofFunction = (name) => `#/f/${encodeURIComponent(name)}`

export const ofInvocation = (id) => `#/i/${encodeURIComponent(id)}`
