// Drives the iot example in Chromium and prints, as JSON, what was seen:
// node iot.mjs <url> <part>. With SLUICE_SCREENSHOTS, a folder, it leaves a picture
// there. A line on standard output asks the test for something; it answers with a
// line once that is done.
import readline from 'node:readline'
import { expected, newPage, picture, run, screenshots, seen, wide } from './chromium.mjs'

const [url, part] = process.argv.slice(2)
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
let page

async function open(options) {
  page = await newPage([url], options)
  // Every state there was, also those that are over before anybody looks, and the
  // number of every event that has one, also of those that the page drops.
  await page.addInitScript(() => {
    globalThis.states = []
    globalThis.numbers = []
    globalThis.EventSource = class extends EventSource {
      constructor(url) {
        super(url)
        for (const type of ['message', 'rejected', 'gap']) {
          this.addEventListener(type, event => globalThis.numbers.push(Number(event.lastEventId)))
        }
      }
    }
    addEventListener('DOMContentLoaded', () => {
      const state = document.getElementById('state')
      new MutationObserver(() => globalThis.states.push(state.textContent)).observe(state, { childList: true })
    })
  })
  await page.goto(url)
}

async function ask(text) {
  console.log(text)
  await answers.next()
}

const text = id => page.locator(`#${id}`).textContent()
const number = async id => Number(await text(id))
const reaches = (id, least) => page.waitForFunction(
  ([id, least]) => Number(document.getElementById(id).textContent) >= least, [id, least], { timeout: 60000 })

// covered is how much of the chart's width has a line in colour.
const covered = () => page.locator('#chart').evaluate(canvas => {
  const { width, height } = canvas
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  copy.drawImage(canvas, 0, 0)
  const { data } = copy.getImageData(0, 0, width, height)
  let columns = 0
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const [r, g, b, a] = data.subarray(4 * (y * width + x))
      if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) {
        columns++
        break
      }
    }
  }
  return columns / width
})

async function account() {
  seen.connections = await number('connections')
  seen.rejected = await number('rejected')
  seen.missed = await text('missed')
  Object.assign(seen, await page.evaluate(() => ({ states: globalThis.states, numbers: globalThis.numbers })))
}

const parts = {
  // A chart that grows, through reconnects, a bad reading, Pause, and one device only.
  async watch() {
    await open()
    seen.readings = []
    seen.covered = []
    for (let i = 0; i < 3; i++) {
      await reaches('readings', (seen.readings.at(-1) ?? 0) + 40)
      seen.readings.push(await number('readings'))
      seen.covered.push(await covered())
    }
    await ask('a bad reading')
    await reaches('rejected', 1)
    await reaches('connections', 3)
    await page.waitForSelector('#devices [data-silent] .note', { timeout: 60000 })
    seen.silent = await page.locator('#devices [data-silent] .note').first().textContent()
    if (screenshots) {
      // Until the chart is full and the device has been back for a while.
      while (await covered() < 0.9) await reaches('readings', await number('readings') + 10)
      await page.waitForSelector('#devices:not(:has([data-silent]))', { timeout: 60000 })
      await reaches('readings', await number('readings') + 60)
      await page.waitForFunction(() => document.getElementById('state').textContent === 'Live')
      await picture(page, 'iot.png')
    }

    const pause = page.getByRole('button')
    await pause.click()
    seen.paused = { before: await number('readings') }
    await page.waitForTimeout(1500) // several readings, which must not show
    seen.paused.after = await number('readings')
    const connections = await number('connections')
    await pause.click()
    await reaches('connections', connections + 1)
    await reaches('readings', seen.paused.after + 30)

    seen.devices = await page.locator('#devices a').allTextContents()
    await account()

    await page.locator('#devices a', { hasText: 'fridge' }).click()
    await page.waitForURL('**/?device=fridge')
    await reaches('readings', 10)
    seen.missedOfOne = await text('missed')
    const others = await page.locator('#devices li:not([data-device=fridge])').count()
    if (others) seen.complaints.push(`${others} devices that were not asked for`)
  },

  // The wire is cut and mended, and readings come in meanwhile.
  async cut() {
    await open()
    await page.waitForSelector('#state[data-state=live]')
    for (const readings of [20, 40, 60]) {
      if (readings > 20) {
        await ask('cut')
        await page.waitForSelector('#state[data-state=reconnecting]', { timeout: 60000 })
      }
      await ask('readings')
      if (readings > 20) await ask('mend')
      await reaches('readings', readings)
    }
    await account()
    // The browser's own, about the requests that came to nothing.
    expected(/net::ERR_/)
  },

  // On a phone, with a broker that goes and comes back.
  async trouble() {
    await open({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, colorScheme: 'dark' })
    await page.waitForSelector('#state[data-state=live]')
    seen.readings = []
    await ask('a reading')
    await reaches('readings', 1)
    seen.readings.push(await number('readings'))
    await ask('no broker')
    await page.waitForFunction(() => document.getElementById('trouble').textContent.includes('nats-server'), null, { timeout: 60000 })
    seen.trouble = await text('trouble')
    seen.wide = await wide(page)
    await ask('a broker')
    await ask('a reading, once again')
    await reaches('readings', 2)
    seen.readings.push(await number('readings'))
    await page.waitForSelector('#trouble', { state: 'hidden' })
    await page.waitForSelector('#state[data-state=live]')
    await account()
  },
}

await run(parts[part])
process.exit()
