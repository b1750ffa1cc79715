// What a request's conditions and range make of an object: RFC 9110, sections 13
// and 14. S3 knows some of it, but not If-Range, lists of tags or weak ones.

/**
 * @param {Record<string, string>} headers of a GET, or of a HEAD without its range
 * @param {{etag?: string, modified?: Date, size: number}} object
 * @returns {{status: 200 | 206 | 304 | 412 | 416, first?: number, last?: number}}
 */
export function decide(headers, object) {
  const modified = object.modified ? Math.floor(object.modified.getTime() / 1000) * 1000 : NaN

  const match = headers['if-match']
  if (match !== undefined) {
    if (!lists(match, object.etag, strongly)) return { status: 412 }
  } else if (modified > date(headers['if-unmodified-since'])) {
    return { status: 412 }
  }

  const noneMatch = headers['if-none-match']
  if (noneMatch !== undefined) {
    if (lists(noneMatch, object.etag, weakly)) return { status: 304 }
  } else if (modified <= date(headers['if-modified-since'])) {
    return { status: 304 }
  }

  if (headers.range === undefined || !unchanged(headers['if-range'], object.etag, modified)) return { status: 200 }
  return rangeOf(headers.range, object.size)
}

/** Tells whether a request has to be decided before its object is opened. */
export function isConditional(headers) {
  return ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].some(name => headers[name] !== undefined)
}

// Several ranges would have to be answered in parts; a server may answer with
// everything instead, as it does to what is no range at all.
function rangeOf(text, size) {
  const found = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(text)
  if (!found || found[1] === '' && found[2] === '') return { status: 200 }
  const [from, to] = [found[1], found[2]].map(digits => digits === '' ? undefined : Number(digits))
  if (from === undefined) {
    return to === 0 || size === 0 ? { status: 416 } : { status: 206, first: Math.max(0, size - to), last: size - 1 }
  }
  if (to !== undefined && to < from) return { status: 200 }
  return from >= size ? { status: 416 } : { status: 206, first: from, last: Math.min(to ?? Infinity, size - 1) }
}

function unchanged(ifRange, etag, modified) {
  if (ifRange === undefined) return true
  return ifRange.includes('"') ? strongly(ifRange.trim(), etag) : date(ifRange) === modified
}

function lists(text, etag, same) {
  if (text.trim() === '*') return true
  return (text.match(/(?:W\/)?"[^"]*"/g) ?? []).some(tag => same(tag, etag))
}

const strongly = (tag, etag) => tag === etag && !tag.startsWith('W/')
const weakly = (tag, etag) => etag !== undefined && tag.replace(/^W\//, '') === etag.replace(/^W\//, '')

// NaN, which no comparison holds for, where there is no date.
const date = text => text === undefined ? NaN : Date.parse(text)
