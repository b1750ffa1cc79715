// Whether anything was missed. The broker numbers everything that comes in, so a
// number that is left out is a reading that never got here.

const mostRanges = 20

export class Ledger {
  /** The number of the newest event; undefined before the first. */
  last
  readings = 0
  rejected = 0
  missed = 0
  twice = 0
  /** The first ranges that were missed, for a person to look at. */
  ranges = []
  #whole

  /** @param {boolean} whole false for a reader of one device, whose numbers have holes */
  constructor(whole = true) {
    this.#whole = whole
  }

  /** Notes an event. False means that it was here before and is not to be shown again. */
  note(seq) {
    if (this.last !== undefined && seq <= this.last) {
      this.twice++
      return false
    }
    if (this.last !== undefined && seq > this.last + 1) this.#miss(this.last + 1, seq - 1)
    this.last = seq
    return true
  }

  /** Notes what the function says that the broker has forgotten. */
  forgotten(from, to) {
    if (this.last !== undefined && to <= this.last) return
    this.#miss(from, to)
    this.last = to
  }

  /** The broker's numbers begin anew, and nothing is known of what was lost meanwhile. */
  restart() {
    this.last = undefined
  }

  #miss(from, to) {
    if (!this.#whole) return
    this.missed += to - from + 1
    if (this.ranges.length < mostRanges) this.ranges.push(from === to ? `${from}` : `${from} to ${to}`)
  }

  /** For the page: what was missed, in words. */
  get verdict() {
    if (!this.#whole) return 'not counted for one device'
    if (this.missed === 0) return 'none'
    return `${this.missed} (${this.ranges.join(', ')}${this.ranges.length === mostRanges ? ', …' : ''})`
  }
}
