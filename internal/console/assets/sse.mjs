// Server-Sent Events, as the HTML standard parses them.

// Parser takes text as it comes and returns the events that are complete:
// {event, data, id}.
export class Parser {
  #line = ''
  #afterReturn = false // the last character was a CR, and an LF belongs to it
  #first = true
  #event = ''
  #data = []
  #id = ''

  push(text) {
    const events = []
    if (this.#first && text !== '') {
      this.#first = false
      if (text[0] === '\ufeff') text = text.slice(1)
    }
    if (this.#afterReturn && text !== '') {
      this.#afterReturn = false
      if (text[0] === '\n') text = text.slice(1)
    }
    let start = 0
    const breaks = /\r\n|\r|\n/g
    for (let found; (found = breaks.exec(text)) !== null; start = breaks.lastIndex) {
      const event = this.#take(this.#line + text.slice(start, found.index))
      this.#line = ''
      if (event) events.push(event)
    }
    this.#afterReturn = text === '' ? this.#afterReturn : text.endsWith('\r')
    this.#line += text.slice(start)
    return events
  }

  // #take reads one line; an empty one completes an event.
  #take(line) {
    if (line === '') {
      const data = this.#data
      const event = { event: this.#event || 'message', data: data.join('\n'), id: this.#id }
      this.#data = []
      this.#event = ''
      return data.length > 0 ? event : null
    }
    const colon = line.indexOf(':')
    if (colon === 0) return null // a comment
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    return null
  }
}
