// Opens a page in Chromium and prints, as JSON, how many elements matched a
// selector each time that number changed: node watch.mjs <url> <selector> <last>
// where <last> is the selector of the element that ends the page. With
// SLUICE_SCREENSHOTS, a folder, it leaves hello.png there.
import { newPage, picture, run, screenshots, seen } from './chromium.mjs'

const [url, selector, last] = process.argv.slice(2)

await run(async () => {
  const page = await newPage([url])
  await page.addInitScript((selector) => {
    globalThis.counts = []
    let count = -1
    const look = () => {
      const now = document.querySelectorAll(selector).length
      if (now !== count) {
        count = now
        globalThis.counts.push({ count, at: Math.round(performance.now()) })
      }
      requestAnimationFrame(look)
    }
    look()
  }, selector)
  const response = await page.goto(url, { waitUntil: 'commit' })
  if (screenshots) {
    await page.locator(selector).nth(2).waitFor()
    await picture(page, 'hello.png', { animations: 'disabled' })
  }
  await page.waitForSelector(last, { timeout: 60000, state: 'attached' })
  await page.waitForTimeout(100)
  seen.status = response.status()
  seen.counts = await page.evaluate(() => globalThis.counts)
})
