// Records of invocations: filtered and sorted.

export const mode = (record) => ({ RESPONSE_STREAM: 'streamed', BUFFERED: 'buffered' })[record.mode] ?? record.mode ?? ''

// account is on whose account an invocation did not end well: "function", "client"
// or "server", "" if it ended well.
export const account = (record) => record.account ?? (record.ending === 'complete' ? '' : 'function')

// compare orders two records by a column; what has no value comes last.
export function compare(a, b, key, descending) {
  const x = a[key] ?? null
  const y = b[key] ?? null
  if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
  const order = key === 'time' ? Date.parse(x) - Date.parse(y) : typeof x === 'number' ? x - y : String(x).localeCompare(String(y))
  return descending ? -order : order
}

// matches tells whether a record passes filters, each of which lets all pass when it
// is "": {text, ending, mode, function, since}, where since is like "5m".
export function matches(record, wanted, now = Date.now()) {
  if (wanted.ending && record.ending !== wanted.ending) return false
  if (wanted.mode && mode(record) !== wanted.mode) return false
  if (wanted.function && record.function !== wanted.function) return false
  if (wanted.since && now - Date.parse(record.ended ?? record.time) > duration(wanted.since)) return false
  const all = [record.requestId, record.function, record.time, record.version, mode(record), record.ending, record.errorType, record.stream].join(' ').toLowerCase()
  return (wanted.text ?? '').toLowerCase().split(/\s+/).every((word) => all.includes(word))
}

const units = { s: 1000, m: 60_000, h: 3_600_000 }

// duration is milliseconds of a text like 5m or 24h, Infinity of any other.
export function duration(text) {
  const [, n, unit] = /^(\d+)([smh])$/.exec(text) ?? []
  return unit ? Number(n) * units[unit] : Infinity
}
