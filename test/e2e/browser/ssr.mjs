// Drives the ssr example in Chromium and prints, as JSON, what was seen:
// node ssr.mjs <url> <part>. With SLUICE_SCREENSHOTS, a folder, it leaves
// ssr.png there.
import { expected, newPage, picture, run, seen, wide } from './chromium.mjs'

const [url, part] = process.argv.slice(2)
seen.said = []
seen.fetched = []
let page

async function open(query, options) {
  page = await newPage([url], options)
  page.on('console', message => seen.said.push(message.text()))
  page.on('request', request => {
    if (request.url().includes('/parts/')) seen.fetched.push(new URL(request.url()).pathname.split('/').at(-1))
  })
  // What a reader could see, noted whenever it changed.
  await page.addInitScript(() => {
    globalThis.states = []
    const look = () => {
      const state = {
        title: document.querySelector('h1')?.textContent ?? '',
        there: [...document.querySelectorAll('.part')].filter(part => part.querySelector('.content')).map(part => part.id),
        waiting: document.querySelectorAll('.waiting').length,
        complete: document.readyState !== 'loading',
      }
      if (JSON.stringify(state) !== JSON.stringify(globalThis.states.at(-1))) globalThis.states.push(state)
      requestAnimationFrame(look)
    }
    look()
  })
  await page.goto(url + query, { waitUntil: 'commit' })
}

const content = name => page.locator(`#${name} .content`)
const button = name => page.getByRole('button', { name })
const states = () => page.evaluate(() => globalThis.states)

const parts = {
  // Shell first, parts as they are ready; the buttons work before the last one is there.
  async arrive() {
    await open('?pause=1000')
    await button('One more').click() // enabled once the page is taken over
    await button('Add for 178.00').click()
    seen.basket = await page.getByText('in your basket').textContent()
    seen.whenBought = (await states()).at(-1)
    await content('delivery').waitFor({ timeout: 60000 })
    await picture(page, 'ssr.png', { animations: 'disabled' })
    await content('reviews').waitFor({ timeout: 60000 })
    await content('shops').waitFor({ timeout: 60000 })
    await page.waitForLoadState('load')
    seen.states = await states()
    seen.count = await page.getByLabel('How many').textContent()
    seen.shops = await content('shops').locator('li').allTextContents()
    seen.wide = await wide(page)
  },

  // The function fails, the browser fails, the reader tries again.
  async trouble() {
    await open('?pause=100&trouble=2', { viewport: { width: 360, height: 640 }, colorScheme: 'dark' })
    const alert = page.getByRole('alert')
    await alert.waitFor({ timeout: 60000 })
    seen.alert = await alert.locator('p').textContent()
    await button('Try again').click()
    await content('shops').waitFor({ timeout: 60000 })
    seen.shops = await content('shops').locator('li').allTextContents()
    seen.alerts = await alert.count()
    seen.reported = expected(/502/)
    seen.wide = await wide(page)
  },

  // The function's time is up before the reviews are there: the browser gets them.
  async late() {
    await open('?pause=500&trouble=0')
    await content('reviews').waitFor({ timeout: 60000 })
    seen.states = await states()
  },

  // Without scripts a page has to come whole to be of use.
  async whole() {
    await open('?pause=100&whole', { javaScriptEnabled: false })
    await page.waitForLoadState('load')
    seen.order = await page.locator('.part .content').evaluateAll(all => all.map(e => e.parentElement.id))
    seen.fallback = await page.locator('#shops .waiting').textContent()
  },
}

await run(parts[part])
