// Which page is shown, and the header of all of them.

import * as chartsPage from './charts.mjs'
import * as credentials from './credentials.mjs'
import { h, replace } from './dom.mjs'
import * as functionPage from './function.mjs'
import * as functionsPage from './functions.mjs'
import * as invocationPage from './invocation.mjs'
import * as invocationsPage from './invocations.mjs'
import * as live from './live.mjs'
import * as route from './route.mjs'

const pages = { functions: functionsPage, function: functionPage, invocations: invocationsPage, invocation: invocationPage, charts: chartsPage }
const main = document.getElementById('page')

let leave = null // ends what the page that is left was doing

function show(moved) {
  const { page: known, name, query } = route.parse(location.hash)
  leave?.abort()
  leave = new AbortController()
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.pages.split(' ').includes(known)) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  const page = pages[known]
  if (!page) {
    document.title = 'Not found – Sluice'
    replace(main, h('h1', null, 'There is no such page'), h('p', null, h('a', { href: '#/' }, 'All functions')))
    return
  }
  document.title = `${page.title(name)} – Sluice`
  // Each visit gets an element of its own: an answer that comes late writes into
  // one that nobody sees.
  const place = h('div')
  replace(main, place)
  page.render(place, name, leave.signal, query)
  if (moved) {
    main.focus({ preventScroll: true })
    scrollTo(0, 0)
  }
}

const words = { live: 'live', connecting: 'connecting …', paused: 'paused', absent: 'not live' }

function showState() {
  const place = document.getElementById('state')
  place.className = live.state
  place.title = live.problem
  replace(place, words[live.state])
}

const forget = document.getElementById('forget')
forget.addEventListener('click', () => {
  credentials.forget()
  location.reload() // nothing that was read with them stays
})
const showForget = () => (forget.hidden = !credentials.areReal())
credentials.changed.addEventListener('change', showForget)
showForget()

// The way past the header must not look like another page.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault()
  main.focus()
})

addEventListener('hashchange', () => show(true))
live.feed.addEventListener('state', showState)
showState()
show(false)
live.start()
