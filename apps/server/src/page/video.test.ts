/** The page of a video in a real browser: a real stream is played, sought in and switched, and nothing goes wrong. */
import { randomUUID } from 'node:crypto';
import { chromiumMissing, launchChromium, type PageTroubles, until, watchPage, withChromium } from '@reelfleet/testkit';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeVideo } from '../api/testing.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { makeStream, RUNGS, STREAM_SECONDS } from './testing.ts';

interface Film {
  currentTime: number;
  duration: number;
  paused: boolean;
  seeking: boolean;
  readyState: number;
  videoHeight: number;
  currentSrc: string;
}

/** What a probe said of a video, as its task left it. */
async function probed({ operator, ledger }: TestServer, video: string, output: unknown): Promise<void> {
  const worker = randomUUID();
  await ledger.hello({ id: worker, name: worker.slice(0, 8), type: 'local', capabilities: {}, metadata: {} });
  const input = { source: 'file:///nowhere/a.mp4' };
  const [made] = await operator.enqueue([{ kind: 'stage', stage: 'probe', input, video }]);
  const [task] = (await operator.run(made?.runId ?? '')).tasks;
  const asked = [{ id: task?.id ?? '', version: task?.stateVersion ?? 0, refusal: null }];
  const [claimed] = await ledger.claim(worker, 30_000, asked);
  if (claimed?.kind !== 'claimed') throw new Error(`the probe was ${claimed?.kind}`);
  const { id, version } = claimed.task;
  await ledger.settle(worker, [{ id, version, event: 'complete', output }]);
}

describe.skipIf(chromiumMissing() !== null)(withChromium('the page of a video'), () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await startTestServer();
    browser = await launchChromium();
  });

  async function visit(id: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const troubles = watchPage(page, server.origin);
    // Every error of the stream and of the element, also those that hls.js gets over by itself.
    await page.addInitScript(
      `window.troubles = [];
      document.addEventListener('trouble', (event) => troubles.push(event.detail), true);
      document.addEventListener('error', (event) => troubles.push('error of ' + event.target.nodeName), true);`,
    );
    await page.goto(`${server.origin}/#/videos/${id}`);
    await page.locator('.watch h1').waitFor();
    return { page, troubles };
  }
  const film = (page: Page): Promise<Film> =>
    page.locator('video').evaluate((video) => {
      const { currentTime, duration, paused, seeking, readyState, videoHeight, currentSrc } = video as unknown as Film;
      return { currentTime, duration, paused, seeking, readyState, videoHeight, currentSrc };
    });
  const playsFrom = async (page: Page, second: number) => {
    const reached = async () => {
      const { currentTime, seeking } = await film(page);
      return !seeking && currentTime > second + 0.2;
    };
    await until(reached, { what: `it to play on from second ${second}`, timeoutMs: 20_000 });
  };
  async function expectNoTroubles(page: Page, troubles: PageTroubles) {
    expect({ ...troubles, stream: await page.evaluate('window.troubles') }).toEqual({
      errors: [],
      strangers: [],
      stream: [],
    });
  }
  /** WATCH_SHOTS=folder keeps pictures, for whoever wants to see what it looks like. */
  const look = (page: Page, name: string) =>
    process.env.WATCH_SHOTS ? page.screenshot({ path: `${process.env.WATCH_SHOTS}/video-${name}.png` }) : null;

  test('a stream plays, is sought to four fifths and switched from one quality to the other, without an error', {
    timeout: 90_000,
  }, async () => {
    const { id } = await makeStream(server, 'Harbour at Dawn', { captions: true, sprites: true });
    const { page, troubles } = await visit(id);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    const picture = (quality: string) => asked.filter((path) => path.includes(`/${quality}/`)).length;
    await page.getByLabel('Quality').waitFor();
    await look(page, 'rest');
    // Until somebody wants to see it, nothing of it is loaded but what there is to choose from.
    expect(asked.filter((path) => /\.(m4s|mp4)$/.test(path))).toEqual([]);
    expect(await page.getByLabel('Quality').locator('option').allTextContents()).toEqual(['Auto', '360p', '180p']);

    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(page, 1);
    const { duration, currentSrc } = await film(page);
    expect(Math.abs(duration - STREAM_SECONDS)).toBeLessThan(0.1);
    expect(currentSrc).toMatch(/^blob:/);
    expect(picture('audio')).toBeGreaterThan(0);
    await look(page, 'playing');

    // The pointer over the bar shows what is there; a click goes there.
    const bar = await page.getByLabel('Seek').boundingBox();
    if (bar === null) throw new Error('there is no bar');
    await page.mouse.move(bar.x + 0.8 * bar.width, bar.y + bar.height / 2);
    await page.locator('.seek-preview.seen .seek-picture:not([hidden])').waitFor();
    const shown = await page.locator('.seek-picture').evaluate((element) => {
      const { backgroundImage, backgroundPosition } = (element as unknown as { style: Record<string, string> }).style;
      return `${backgroundImage} ${backgroundPosition}`;
    });
    expect(shown).toMatch(/sheet-001\.jpg"\) -256px -432px$/);
    expect(await page.locator('.seek-words').textContent()).toBe('0:19');
    await look(page, 'preview');
    await page.mouse.click(bar.x + 0.8 * bar.width, bar.y + bar.height / 2);
    const four = 0.8 * STREAM_SECONDS;
    await until(async () => Math.abs((await film(page)).currentTime - four) < 3, { what: 'it to be at four fifths' });
    await playsFrom(page, four);

    await page.keyboard.press('0');
    await playsFrom(page, 0);
    for (const { quality, height } of RUNGS.toReversed()) {
      const before = picture(quality);
      await page.getByLabel('Quality').selectOption(quality);
      await page.keyboard.press('Escape');
      await until(async () => (await film(page)).videoHeight === height, {
        what: `the picture to have ${height} lines`,
        timeoutMs: 20_000,
      });
      expect(picture(quality)).toBeGreaterThan(before);
    }
    await playsFrom(page, (await film(page)).currentTime);
    await expectNoTroubles(page, troubles);

    // Whoever leaves has been counted.
    await page.getByRole('link', { name: 'All videos' }).click();
    const counted = () =>
      server.db.query<{ watched: number; quality: string }>(
        `select duration_watched as watched, quality_used as quality from playback_sessions where video_id = '${id}' and ended_at is not null`,
      );
    const [view] = await until(async () => ((await counted()).length > 0 ? counted() : null), { what: 'the view' });
    expect(view?.watched).toBeGreaterThan(1);
    expect(view?.quality).toMatch(/^(360|180)p$/);
  });

  test('chapters stand on the bar and below it, and lead to their moments', { timeout: 60_000 }, async () => {
    const { id } = await makeStream(server, 'In Parts');
    const chapters = ['Dawn', 'Noon', 'Night'].map((title, n) => ({
      title,
      startSeconds: 8 * n,
      endSeconds: 8 * n + 8,
    }));
    await probed(server, id, { chapters });
    const { page, troubles } = await visit(id);
    const buttons = page.getByRole('region', { name: 'Chapters' }).getByRole('button');
    expect((await buttons.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))).toEqual([
      '0:00 Dawn',
      '0:08 Noon',
      '0:16 Night',
    ]);
    expect(await page.locator('.seek-mark').count()).toBe(2);
    await buttons.filter({ hasText: 'Night' }).click();
    await playsFrom(page, 16);
    await until(async () => (await buttons.nth(2).getAttribute('aria-current')) === 'true', {
      what: 'the mark of now',
    });
    const bar = await page.getByLabel('Seek').boundingBox();
    await page.mouse.move((bar?.x ?? 0) + 0.4 * (bar?.width ?? 0), (bar?.y ?? 0) + 5);
    await page.locator('.seek-words').getByText('Noon').waitFor();
    await look(page, 'chapters');
    await expectNoTroubles(page, troubles);
  });

  test('captions show when they are asked for, and only then', { timeout: 60_000 }, async () => {
    const { id } = await makeStream(server, 'Spoken', { captions: true });
    const { page, troubles } = await visit(id);
    const spoken = () =>
      page.locator('video').evaluate((video) => {
        const { textTracks } = video as unknown as {
          textTracks: { kind: string; mode: string; activeCues: { text: string }[] }[];
        };
        const track = [...textTracks].find(({ kind }) => kind === 'captions');
        return track?.mode === 'showing' ? [...track.activeCues].map(({ text }) => text) : null;
      });
    const button = page.getByRole('button', { name: 'Captions' });
    expect([await button.getAttribute('aria-pressed'), await spoken()]).toEqual(['false', null]);
    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(page, 1);
    await page.keyboard.press('c');
    await until(async () => (await spoken())?.some((text) => text.startsWith('It is second')), { what: 'a caption' });
    expect(await button.getAttribute('aria-pressed')).toBe('true');
    await look(page, 'captions');
    await button.click();
    expect(await spoken()).toBeNull();
    await expectNoTroubles(page, troubles);
  });

  test('of two sounds the other can be chosen', { timeout: 60_000 }, async () => {
    const { id } = await makeStream(server, 'Spoken Over', { sounds: true });
    const { page, troubles } = await visit(id);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(page, 0.5);
    const sound = page.getByLabel('Sound');
    expect(await sound.locator('option').allTextContents()).toEqual(['audio', 'Commentary']);
    expect(asked.some((path) => path.endsWith('/audio-2.m3u8'))).toBe(false);
    await sound.selectOption('Commentary');
    await until(() => asked.some((path) => path.endsWith('/audio-2.m3u8')), {
      what: 'the other sound to be asked for',
    });
    await playsFrom(page, (await film(page)).currentTime);
    expect(await sound.inputValue()).toBe('Commentary');
    await expectNoTroubles(page, troubles);
  });

  test('everything can be done by keyboard, and has a name for who cannot see it', { timeout: 60_000 }, async () => {
    const { id } = await makeStream(server, 'By Hand');
    const { page, troubles } = await visit(id);
    await page.getByRole('button', { name: 'Play' }).first().focus();
    await page.keyboard.press('k');
    await playsFrom(page, 0);
    await page.keyboard.press('ArrowRight');
    await playsFrom(page, 5);
    await page.keyboard.press('k');
    await until(async () => (await film(page)).paused, { what: 'it to pause' });
    await page.keyboard.press('5');
    await until(async () => Math.abs((await film(page)).currentTime - STREAM_SECONDS / 2) < 0.1, {
      what: 'the middle',
    });
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Unmute' }).waitFor();
    expect(await page.getByLabel('Seek').getAttribute('aria-valuetext')).toBe('0:12 of 0:24');
    const nameless = await page.locator('.player').evaluate((player) => {
      const found = (
        player as unknown as {
          querySelectorAll(text: string): Iterable<{ ariaLabel: string | null; outerHTML: string }>;
        }
      ).querySelectorAll('button, input, select, video');
      return [...found].filter(({ ariaLabel }) => !ariaLabel).map(({ outerHTML }) => outerHTML);
    });
    expect(nameless).toEqual([]);
    await expectNoTroubles(page, troubles);
  });

  test('while it is transcoded every quality shows how far it is, and the stream comes by itself', {
    timeout: 60_000,
  }, async () => {
    const { id, manifest } = await makeStream(server, 'Under Way');
    const { db, storage, operator } = server;
    const master = storage.uriOf(`${manifest}/master.m3u8`);
    await db.query(`update artifacts set kind = 'log' where uri = '${master}'`);
    await db.query(`delete from video_qualities where video_id = '${id}'`);
    const order = { kind: 'stage', stage: 'probe', input: { source: 'file:///nowhere/a.mp4' }, video: id } as const;
    const [made] = await operator.enqueue([order]);
    const { tasks } = await operator.run(made?.runId ?? '');
    await db.query(
      `insert into quality_progress (task_id, quality, status, segments_total, segments_completed, progress_percent) values
      ('${tasks[0]?.id}', '1080p', 'skipped', null, 0, 0), ('${tasks[0]?.id}', '360p', 'in_progress', 6, 2, 33),
      ('${tasks[0]?.id}', '180p', 'pending', 6, 0, 0)`,
    );
    const { page, troubles } = await visit(id);
    const rows = page.locator('.quality');
    await rows.first().waitFor();
    expect((await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim())).toEqual([
      '1080p the source is smaller skipped',
      '360p 2 / 6 segments running',
      '180p 0 / 6 segments queued',
    ]);
    await page.getByText('This video has no file yet').waitFor();
    await look(page, 'transcoding');
    await db.query(`update quality_progress set segments_completed = 5 where quality = '360p'`);
    await page.getByText('5 / 6 segments').waitFor();
    await db.query(`update quality_progress set status = 'completed' where quality <> '1080p'`);
    await db.query(`update artifacts set kind = 'manifest' where uri = '${master}'`);
    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(page, 0.5);
    expect(await rows.count()).toBe(0);
    await expectNoTroubles(page, troubles);
  });

  test('without a stream there is no choice of qualities, and without a file there is a word', async () => {
    const { id } = await makeVideo(server, { title: 'Nothing Yet' });
    const { page, troubles } = await visit(id);
    await page.getByText('This video has no file.').waitFor();
    expect(await page.locator('video').count()).toBe(0);
    await expectNoTroubles(page, troubles);
  });

  test('a stream that is gone says so, and plays when it is back', { timeout: 60_000 }, async () => {
    const { id, manifest } = await makeStream(server, 'Gone');
    const uri = server.storage.uriOf(`${manifest}/master.m3u8`);
    const { page } = await visit(id);
    await page.route('**/*.m3u8', (route) => route.fulfill({ status: 404, body: '' }));
    expect(uri).toContain('/master.m3u8');
    await page.reload();
    await page.getByRole('alert').getByText('This video cannot be played here').waitFor();
    await look(page, 'gone');
    await page.unroute('**/*.m3u8');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Play' }).first().click();
    await playsFrom(page, 0.5);
  });

  test('fits a telephone', { timeout: 60_000 }, async () => {
    const { id } = await makeStream(server, 'In the Hand', { sprites: true });
    const { page, troubles } = await visit(id, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    await page.getByRole('button', { name: 'Play' }).first().tap();
    await playsFrom(page, 0.5);
    await look(page, 'telephone');
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    const bar = await page.locator('.player-row').boundingBox();
    expect((bar?.x ?? -1) >= 0 && (bar?.x ?? 0) + (bar?.width ?? 999) <= 360).toBe(true);
    await expectNoTroubles(page, troubles);
  });
});
