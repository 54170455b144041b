/** What is said in a video, on its page in a real browser: captions, a transcript that follows and leads, moments, clips. */
import { readFileSync } from 'node:fs';
import { chromiumMissing, launchChromium, type PageTroubles, until, watchPage, withChromium } from '@reelfleet/testkit';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { makeStream } from './testing.ts';
import { addSaid, LINES, MOMENTS, REFINED } from './testing-said.ts';

describe.skipIf(chromiumMissing() !== null)(withChromium('what is said in a video'), { timeout: 60_000 }, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });

  async function visit(id: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
      ...options,
    });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const troubles = watchPage(page, server.origin);
    await page.goto(`${server.origin}/#/videos/${id}`);
    await page.getByRole('region', { name: 'Transcript' }).waitFor();
    return { page, troubles };
  }
  async function spoken(title: string, lines?: number) {
    const stream = await makeStream(server, title, { sprites: true });
    await addSaid(server, stream, lines === undefined ? {} : { lines });
    return stream.id;
  }
  const second = (page: Page) =>
    page.locator('.player video').evaluate((video) => (video as unknown as { currentTime: number }).currentTime);
  const at = (page: Page, wanted: number) =>
    until(async () => Math.abs((await second(page)) - wanted) < 1.5, {
      what: `it to be at second ${wanted}`,
      timeoutMs: 20_000,
    });
  const now = (page: Page) => page.locator('.said-line[aria-current]');
  const expectNoTroubles = (troubles: PageTroubles) => expect(troubles).toEqual({ errors: [], strangers: [] });
  /** WATCH_SHOTS=folder keeps pictures, for whoever wants to see what it looks like. */
  const look = (page: Page, name: string, fullPage = true) =>
    process.env.WATCH_SHOTS ? page.screenshot({ path: `${process.env.WATCH_SHOTS}/said-${name}.png`, fullPage }) : null;

  test('captions show over the picture, and the transcript follows the playing and leads to what it says', async () => {
    const { page, troubles } = await visit(await spoken('A Morning at the Harbour'));
    const lines = page.locator('.said-line');
    expect(await lines.count()).toBe(LINES.length);
    await look(page, 'rest');
    await page.getByRole('button', { name: 'Play', exact: true }).first().click();
    await until(async () => (await now(page).innerText()).includes(LINES[1]), {
      what: 'the second line to be the one of now',
    });
    await page.keyboard.press('c');
    const caption = () =>
      page.locator('.player video').evaluate((video) => {
        const tracks = [
          ...(
            video as unknown as {
              textTracks: Iterable<{
                kind: string;
                mode: string;
                language: string;
                activeCues: Iterable<{ text: string }>;
              }>;
            }
          ).textTracks,
        ];
        const track = tracks.find(({ kind, mode }) => kind === 'captions' && mode === 'showing');
        return track === undefined
          ? null
          : { language: track.language, said: [...track.activeCues].map(({ text }) => text) };
      });
    const shown = await until(async () => ((await caption())?.said.length ? caption() : null), { what: 'a caption' });
    expect(shown?.language).toBe('en');
    expect(LINES).toContain(shown?.said[0]);
    await look(page, 'playing');

    await lines.filter({ hasText: LINES[8] }).click();
    await at(page, 16);
    await until(async () => (await now(page).innerText()).includes('The tide turns'), {
      what: 'that line to be the one of now',
    });

    // By keyboard: one stop for all lines, the arrows between them.
    await now(page).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await at(page, 4);
    expectNoTroubles(troubles);
  });

  test('a long transcript scrolls with the playing, leaves whoever scrolls away alone, and finds words', async () => {
    const { page, troubles } = await visit(await spoken('A Long Morning', 200));
    const list = page.locator('.said-list');
    const top = () => list.evaluate((element) => (element as unknown as { scrollTop: number }).scrollTop);
    await page.locator('.said-line').filter({ hasText: LINES[11] }).first().click();
    await at(page, 22);
    await until(async () => (await top()) > 50, { what: 'the list to have scrolled to it' });
    await list.hover();
    await page.mouse.wheel(0, 3_000);
    const back = page.getByRole('button', { name: 'Back to now' });
    await back.waitFor();
    expect(await top()).toBeGreaterThan(1_000);
    await back.click();
    await until(async () => (await top()) < 1_000, { what: 'the list to be back' });

    await page.getByLabel('Find in the transcript').fill('STORM');
    await page.getByText('32 of 200').waitFor();
    expect(await page.locator('.said-line mark').first().innerText()).toBe('storm');
    await look(page, 'search');
    await page.getByLabel('Find in the transcript').fill('zebra');
    await page.getByText('nowhere').waitFor();
    await page.getByLabel('Find in the transcript').fill('');
    expect(await page.locator('.said-line:visible').count()).toBe(200);
    expectNoTroubles(troubles);
  });

  test('moments are chapters on the bar and cards below it, which lead to them; a clip plays and is downloaded', async () => {
    const id = await spoken('Moments of a Morning');
    const { page, troubles } = await visit(id);
    const cards = page.getByRole('region', { name: /^Moments/ }).getByRole('listitem');
    const titles = async () => (await cards.locator('.moment-title').allInnerTexts()).map((text) => text.trim());
    // The refined one stands for the one it was refined of.
    const inOrder = [MOMENTS[0].title, MOMENTS[1].title, REFINED.title];
    await until(async () => (await cards.count()) === 3, { what: 'the cards' });
    expect(await titles()).toEqual(inOrder);
    await page.getByRole('button', { name: 'Best first' }).click();
    const best = [REFINED.title, MOMENTS[0].title, MOMENTS[1].title];
    await until(async () => (await titles()).join() === best.join(), { what: 'the best to be first' });
    await page.getByRole('button', { name: 'In order' }).click();
    await until(async () => (await titles()).join() === inOrder.join(), { what: 'the first to be first again' });

    await page.getByRole('button', { name: `Moment: ${MOMENTS[1].title}` }).click();
    await at(page, MOMENTS[1].start);
    await until(async () => (await cards.nth(1).locator('[aria-current]').count()) === 1, {
      what: 'its card to be the one of now',
    });
    await look(page, 'moments');
    await cards.getByRole('button', { name: REFINED.title }).click();
    await at(page, REFINED.start);
    await page.keyboard.press('k');

    await cards
      .nth(0)
      .getByRole('button', { name: /^Play the clip/ })
      .click();
    const clip = cards.nth(0).locator('video');
    await until(async () => clip.evaluate((video) => (video as unknown as { currentTime: number }).currentTime > 0.2), {
      what: 'the clip to play',
    });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      cards
        .nth(1)
        .getByRole('link', { name: /^Clip of/ })
        .click(),
    ]);
    expect(download.suggestedFilename()).toBe(`Moments of a Morning - ${MOMENTS[1].title}.mp4`);
    const [, { clip: stored } = { clip: null }] = await server.operator.videos.moments(id);
    expect(readFileSync(await download.path()).length).toBe(stored?.sizeBytes);
    expectNoTroubles(troubles);
  });

  test('fits a telephone, where the player stays in sight above the lines', async () => {
    const { page, troubles } = await visit(await spoken('In the Hand', 200), {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
      colorScheme: 'dark',
    });
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await look(page, 'telephone');
    await page.locator('.said-line').nth(4).tap();
    await at(page, 8);
    await page.locator('.said').evaluate((panel) => (panel as unknown as { scrollIntoView(): void }).scrollIntoView());
    const player = await page.locator('.player').boundingBox();
    expect(player?.y ?? -1).toBeGreaterThanOrEqual(0);
    await look(page, 'telephone-lines', false);
    expectNoTroubles(troubles);
  });
});
