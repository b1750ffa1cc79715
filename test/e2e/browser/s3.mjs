// Drives the s3 example in Chromium and prints, as JSON, what was seen:
// node s3.mjs <url> <part>. With SLUICE_SCREENSHOTS, a folder, the part picture
// leaves s3.png there.
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { expected, newPage, picture, run, seen, wide } from './chromium.mjs'

const [url, part] = process.argv.slice(2)
let page

async function open(options) {
  page = await newPage([url, 'blob:'], options)
  await page.goto(url)
  await page.waitForSelector('#objects > li')
}

// What the browser itself says of a response that breaks off.
const broken = /ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET)/
const patience = { timeout: 60000 }
const item = key => page.locator('#objects > li').filter({ has: page.getByRole('link', { name: key, exact: true }) })
const inState = (key, ...states) => item(key).locator(states.map(state => `.transfer[data-state=${state}]`).join()).waitFor(patience)
const verdict = key => item(key).locator('.verdict').textContent()
const shown = key => item(key).locator('progress').evaluate(e => e.value)
const start = key => page.getByRole('button', { name: `Download ${key}`, exact: true }).click()

// beyond waits until a share of the file has arrived, and returns what was shown
// until then.
const beyond = (key, share) => item(key).locator('progress').evaluate((e, share) => new Promise(resolve => {
  const values = []
  const look = () => {
    if (e.value !== values.at(-1)) values.push(e.value)
    if (e.value > share) resolve(values)
    else requestAnimationFrame(look)
  }
  look()
}), share)

async function saved(key) {
  const [download] = await Promise.all([page.waitForEvent('download'), item(key).getByText('Save', { exact: true }).click()])
  seen.name = download.suggestedFilename()
  return createHash('sha256').update(await readFile(await download.path())).digest('hex')
}

const parts = {
  // The list in pages, a download that grows, is paused, goes on and is verified.
  async whole() {
    await open()
    seen.listed = [await page.locator('#objects > li').count()]
    while (await page.getByRole('button', { name: 'More' }).isVisible()) {
      const before = await page.locator('#objects > li').count()
      await page.getByRole('button', { name: 'More' }).click()
      await page.waitForFunction(n => document.querySelectorAll('#objects > li').length > n, before, patience)
      await page.waitForSelector('#more:not([disabled])', { state: 'attached' })
      seen.listed.push(await page.locator('#objects > li').count())
    }
    const key = 'films/a mill, größer.mov'
    seen.size = await item(key).locator('.size').textContent()
    await start(key)
    seen.grown = await beyond(key, 0.7)
    await item(key).getByRole('button', { name: 'Pause' }).click()
    await inState(key, 'paused')
    seen.pausedAt = await shown(key)
    await page.waitForTimeout(500)
    seen.later = await shown(key)
    seen.paused = await verdict(key)
    await item(key).getByRole('button', { name: 'Resume' }).click()
    await inState(key, 'complete')
    seen.verdict = await verdict(key)
    seen.sha256 = await saved(key)
    seen.figures = await item(key).locator('.figures b').allTextContents()
  },

  // A curve with its bend where the full speed ends.
  async picture() {
    await open()
    await start('at the mill.mov')
    await start('over the weir.mov')
    await inState('at the mill.mov', 'complete')
    await beyond('over the weir.mov', 0.75)
    await picture(page, 's3.png')
  },

  // One that is damaged on its way, one that breaks off and is resumed.
  async mishaps() {
    await open({ viewport: { width: 360, height: 700 } })
    await start('damaged.bin')
    await inState('damaged.bin', 'complete')
    seen.damaged = await verdict('damaged.bin')
    seen.saveable = await item('damaged.bin').getByText('Save', { exact: true }).isVisible()

    await start('breaks.bin')
    await inState('breaks.bin', 'failed')
    seen.broke = await verdict('breaks.bin')
    seen.brokeAt = await shown('breaks.bin')
    await item('breaks.bin').getByRole('button', { name: 'Resume' }).click()
    await inState('breaks.bin', 'complete')
    seen.verdict = await verdict('breaks.bin')
    seen.wide = await wide(page)
    expected(broken)
  },

  // One that is larger than the quota for a response.
  async quota() {
    await open()
    await start('larger.bin')
    await inState('larger.bin', 'failed')
    seen.broke = await verdict('larger.bin')
    seen.brokeAt = await shown('larger.bin')
    await item('larger.bin').getByRole('button', { name: 'Resume' }).click()
    await inState('larger.bin', 'complete')
    seen.verdict = await verdict('larger.bin')
    expected(broken)
  },

  // What S3 has no checksum for, and what is gone.
  async unchecked() {
    await open()
    await start('plain.txt')
    await inState('plain.txt', 'complete')
    seen.verdict = await verdict('plain.txt')
    await start('gone.txt')
    await inState('gone.txt', 'failed')
    seen.gone = await verdict('gone.txt')
    expected(/404/)
  },
}

await run(parts[part])
