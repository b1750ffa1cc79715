// Opens a page in Chromium and prints, as JSON, how many elements matched a
// selector each time that number changed: node watch.mjs <url> <selector> <last>
// where <last> is the selector of the element that ends the page. With
// SLUICE_SCREENSHOTS, a folder, it leaves hello.png there.
import path from 'node:path'
import { chromium } from 'playwright-core'

const [url, selector, last] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: process.env.SLUICE_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
try {
  const page = await browser.newPage({ colorScheme: 'light', viewport: { width: 1200, height: 750 } })
  await page.addInitScript((selector) => {
    globalThis.seen = []
    let count = -1
    const look = () => {
      const now = document.querySelectorAll(selector).length
      if (now !== count) {
        count = now
        globalThis.seen.push({ count, at: Math.round(performance.now()) })
      }
      requestAnimationFrame(look)
    }
    look()
  }, selector)
  const response = await page.goto(url, { waitUntil: 'commit' })
  if (process.env.SLUICE_SCREENSHOTS) {
    await page.locator(selector).nth(2).waitFor()
    await page.screenshot({ path: path.join(process.env.SLUICE_SCREENSHOTS, 'hello.png'), animations: 'disabled' })
  }
  await page.waitForSelector(last, { timeout: 60000, state: 'attached' })
  await page.waitForTimeout(100)
  console.log(JSON.stringify({ status: response.status(), seen: await page.evaluate(() => globalThis.seen) }))
} finally {
  await browser.close()
}
