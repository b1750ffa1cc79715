// The prelude of an HTTP response: a JSON object with status, headers and cookies,
// then eight NUL bytes, then the body. The Invoke API passes it on as bytes like
// any others, so it has to be found by its looks.

const separator = 8
const longest = 256 << 10
const keys = ['statusCode', 'headers', 'cookies']

// Splitter takes bytes and returns those of the body. `head` is the prelude once it
// is complete, and stays null for a response without one.
export class Splitter {
  head = null
  size = 0 // of the prelude with its separator, in bytes
  #held = new Uint8Array(0)
  #decided = false

  push(bytes) {
    if (this.#decided) return bytes
    const held = new Uint8Array(this.#held.length + bytes.length)
    held.set(this.#held)
    held.set(bytes, this.#held.length)
    this.#held = held

    const nul = held.indexOf(0)
    const json = nul < 0 ? held : held.subarray(0, nul)
    const hopeless = nul >= 0 && json[nul - 1] !== 0x7d // what ends before the NULs ends with a brace
    if (hopeless || held.length > longest || !begins(new TextDecoder().decode(json))) return this.end()
    if (nul < 0) return new Uint8Array(0)
    const gap = held.subarray(nul, nul + separator)
    if (gap.some((byte) => byte !== 0)) return this.end()
    if (gap.length < separator) return new Uint8Array(0)
    try {
      const head = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
      if (head !== null && typeof head === 'object') {
        this.head = head
        this.size = nul + separator
      }
    } catch {
      // No prelude then.
    }
    this.#held = held.subarray(this.size)
    return this.end()
  }

  // end returns what was held back in the hope of a prelude.
  end() {
    this.#decided = true
    const rest = this.#held
    this.#held = new Uint8Array(0)
    return rest
  }
}

// begins tells whether a text may be the beginning of a prelude: an object whose
// first key, as far as it can be seen, is one of those.
function begins(text) {
  const start = text.replace(/^\s+/, '')
  if (start === '') return true
  if (start[0] !== '{') return false
  const inside = start.slice(1).replace(/^\s+/, '')
  if (inside === '' || /^\}\s*$/.test(inside)) return true
  if (inside[0] !== '"') return false
  const end = inside.indexOf('"', 1)
  const key = end < 0 ? inside.slice(1) : inside.slice(1, end)
  return keys.some((known) => (end < 0 ? known.startsWith(key) : known === key))
}
