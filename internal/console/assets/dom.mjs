// Elements. Text goes in as text: there is no way from here to markup.

import { about } from './advice.mjs'
import * as route from './route.mjs'

const svgSpace = 'http://www.w3.org/2000/svg'

// h builds an element: properties that begin with "on" are listeners, true is an
// empty attribute, false, null and undefined are none. Children are elements,
// text or lists of them.
export const h = (name, properties, ...children) => build(document.createElement(name), properties, children)

// s is h for SVG.
export const s = (name, properties, ...children) => build(document.createElementNS(svgSpace, name), properties, children)

function build(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...nodes(children))
  return element
}

const nodes = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)

export const replace = (element, ...children) => element.replaceChildren(...nodes(children))

// calm returns draw such that it waits while a pointer is down on an element: a link
// that is replaced between press and release is not clicked.
export function calm(element, draw, signal) {
  let down = false
  let late = false
  const release = () => {
    down = false
    if (late) draw()
    late = false
  }
  element.addEventListener('pointerdown', () => (down = true))
  for (const type of ['pointerup', 'pointercancel']) addEventListener(type, () => setTimeout(release), { signal })
  return () => {
    if (down) late = true
    else draw()
  }
}

// facts is a list of names and values; a third member says how wide one is.
export const facts = (pairs, properties) =>
  h('dl', { class: 'facts', ...properties }, pairs.filter(Boolean).map(([name, value, width]) => h('div', { class: width }, h('dt', null, name), h('dd', null, value))))

// numbers is a picture's data as a table, for whoever can't see it or wants the
// exact ones.
export const numbers = (caption, heads, rows) =>
  h(
    'details',
    { class: 'numbers-table' },
    h('summary', null, 'The numbers'),
    h(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': caption, tabindex: '0' },
      h(
        'table',
        null,
        h('caption', { class: 'hidden' }, caption),
        h('thead', null, h('tr', null, heads.map((head, i) => h('th', { scope: 'col', class: i > 0 ? 'number' : null }, head)))),
        h('tbody', null, rows.map(([first, ...rest]) => h('tr', null, h('th', { scope: 'row' }, first), rest.map((cell) => h('td', { class: 'number' }, cell))))),
      ),
    ),
  )

// failure shows an error where something else was expected, and what to do.
export const failure = (error, what) => {
  const message = error.message ?? String(error)
  const hint = about(error.code)
  return h('p', { class: 'failure', role: 'alert' }, what ? `${what}: ` : '', message, /[.!?]$/.test(message) ? ' ' : '. ', hint)
}

export const functionLink = (name) => h('a', { href: route.ofFunction(name) }, name)

export const invocationLink = (id, text) => h('a', { href: route.ofInvocation(id) }, text ?? id)
