// Drives the ssr example in Chromium and prints, as JSON, what was seen:
// node ssr.mjs <url> <part>. With SLUICE_SCREENSHOTS, a folder, it leaves
// ssr.png there.
import path from 'node:path'
import { chromium } from 'playwright-core'

const [url, part] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: process.env.SLUICE_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const seen = { complaints: [], foreign: [], said: [], fetched: [] }
let page

async function open(query, options) {
  page = await browser.newPage({ colorScheme: 'light', viewport: { width: 1200, height: 750 }, ...options })
  page.on('console', message => {
    if (['warning', 'error'].includes(message.type())) seen.complaints.push(message.text())
    else seen.said.push(message.text())
  })
  page.on('pageerror', error => seen.complaints.push(String(error)))
  page.on('request', request => {
    if (!request.url().startsWith(url)) seen.foreign.push(request.url())
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
const shot = async () => {
  if (process.env.SLUICE_SCREENSHOTS) await page.screenshot({ path: path.join(process.env.SLUICE_SCREENSHOTS, 'ssr.png'), animations: 'disabled' })
}

const parts = {
  // Shell first, parts as they are ready; the buttons work before the last one is there.
  async arrive() {
    await open('?pause=1000')
    await button('One more').click() // enabled once the page is taken over
    await button('Add for 178.00').click()
    seen.basket = await page.getByText('in your basket').textContent()
    seen.whenBought = (await states()).at(-1)
    await content('delivery').waitFor({ timeout: 60000 })
    await shot()
    await content('reviews').waitFor({ timeout: 60000 })
    await content('shops').waitFor({ timeout: 60000 })
    await page.waitForLoadState('load')
    seen.states = await states()
    seen.count = await page.getByLabel('How many').textContent()
    seen.shops = await content('shops').locator('li').allTextContents()
    seen.wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
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
    seen.wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
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

try {
  await parts[part]()
  console.log(JSON.stringify(seen))
} finally {
  await browser.close()
}
