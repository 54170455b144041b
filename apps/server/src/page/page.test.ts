/** The page in a real browser, on a real server, while a real fleet works. */
import {
  chromiumMissing,
  launchChromium,
  type PageTroubles,
  startTcpProxy,
  until,
  watchPage,
  withChromium,
} from '@reelfleet/testkit';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { albumFleet } from '../../../../tests/support/album.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const stageOrder = { kind: 'stage', stage: 'probe', input: { source: 'file:///nowhere/album.mp4' } } as const;

describe.skipIf(chromiumMissing() !== null)(withChromium('the page'), () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });

  async function visit(server: TestServer, hash: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const troubles = watchPage(page, server.origin);
    await page.goto(`${server.origin}/${hash}`);
    return { page, troubles };
  }
  const expectNoTroubles = (troubles: PageTroubles) => expect(troubles).toEqual({ errors: [], strangers: [] });

  test('an album is watched from its first task to its last, without a reload, and then played', {
    timeout: 240_000,
  }, async () => {
    const server = await startTestServer();
    const fleet = albumFleet(server.databaseUrl, { STORAGE_URL: `file://${server.folder}/storage` });
    const { page, troubles } = await visit(server, '#/');
    await page.getByText('No runs yet').waitFor();
    let loads = 0;
    page.on('load', () => {
      loads += 1;
    });

    // It appears, and its bar moves.
    await fleet.startWorker({ REELFLEET_WORKER_NAME: 'north' });
    await fleet.startWorker({ REELFLEET_WORKER_NAME: 'south' });
    const runId = await fleet.enqueueAlbum(2, 5);
    const row = page.locator('.run');
    await row.getByText('running', { exact: true }).waitFor({ timeout: 20_000 });
    const barOf = () => row.locator('progress').evaluate((bar: { value: number }) => bar.value);
    const seen = new Set<number>();
    await until(async () => seen.add(await barOf()).size >= 3, { what: 'the bar to move twice', timeoutMs: 60_000 });

    // Its tasks, as they come and go.
    await row.getByRole('link').click();
    await page.getByRole('heading', { name: 'Music' }).waitFor({ timeout: 30_000 });
    expect(await page.getByRole('list', { name: 'Tasks of Image' }).getByRole('listitem').count()).toBe(2);
    await page.getByText('after plan, music ×2, image ×2', { exact: true }).waitFor();
    await page.locator('.run-sum', { hasText: 'completed' }).waitFor({ timeout: 150_000 });
    const shown = await page.locator('.node[data-status=completed] h3').allTextContents();
    expect(shown.map((text) => text.trim())).toEqual([
      ...['Plan', 'Music', 'Image', 'Render', 'Verify', 'Thumbnail', 'Transcode'],
      ...['Transcode audio', 'Transcode chunk', 'Transcode manifest'],
    ]);
    await page.getByRole('cell', { name: 'album.mp4', exact: true }).waitFor();
    expect(await fleet.runStatus(runId)).toBe('completed');
    await expectNames(page);

    // One task's story, and back by the keyboard.
    await page.locator('.child a').first().focus();
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog');
    await drawer.getByText('queued → running').waitFor();
    expect(await drawer.locator('.audit strong').allTextContents()).toEqual(['create', 'claim', 'complete']);
    await expectNames(page);
    await page.keyboard.press('Escape');
    // A closed dialog is gone for the reader at once; the address follows with its close event.
    await page.waitForURL(`${server.origin}/#/runs/${runId}`);
    await page.locator('dialog').waitFor({ state: 'detached' });

    // The fleet that made it.
    await page.getByRole('link', { name: 'Fleet', exact: true }).click();
    await page.locator('.worker', { hasText: 'north' }).getByText('last beat').waitFor();
    expect(await page.locator('.worker').count()).toBe(2);
    await expectNames(page);

    // And what it made, played and searched in.
    await page.getByRole('link', { name: 'Videos', exact: true }).click();
    await page.locator('.video img').evaluate((img: { decode(): Promise<void> }) => img.decode());
    const segments = new Set<string>();
    page.on('request', (request) => {
      if (request.url().endsWith('.m4s')) segments.add(request.url());
    });
    await page.locator('.video a').click();
    const player = page.locator('video');
    await player.evaluate((video: Player) => {
      video.muted = true;
      return video.play();
    });
    const playedTo = () => player.evaluate((video: Player) => video.currentTime);
    await until(async () => (await playedTo()) > 0.3, { what: 'the video to play' });
    const end = await player.evaluate((video: Player) => {
      video.currentTime = video.duration - 1;
      return video.duration;
    });
    expect(end).toBeGreaterThan(9);
    await until(async () => (await playedTo()) > end - 0.9, { what: 'the video to play from where it was sent' });
    expect(await player.evaluate((video: Player) => video.error)).toBeNull();
    expect(segments.size).toBeGreaterThan(1);
    const content = await page.locator('a[download]').getAttribute('href');
    const part = await fetch(`${server.origin}${content}`, { headers: { range: 'bytes=100-199' } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 100]);
    await expectNames(page);

    expect(loads).toBe(0);
    expectNoTroubles(troubles);
  });

  test('a run that failed says why, and is retried and cancelled with a question asked first', {
    timeout: 90_000,
  }, async () => {
    const server = await startTestServer();
    const fleet = albumFleet(server.databaseUrl, { STORAGE_URL: `file://${server.folder}/storage` });
    const [made] = await server.operator.enqueue([stageOrder]);
    const worker = await fleet.startWorker();
    await fleet.ended(made?.runId ?? '');
    worker.kill();
    await worker.waitForExit();

    const { page, troubles } = await visit(server, `#/runs/${made?.runId}`);
    await page.locator('.run-head .error').waitFor();
    expect(await page.locator('.run-head .error').textContent()).toContain('probe: ');
    await page.getByRole('button', { name: 'Retry…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Leave it' }).click();
    expect((await server.operator.run(made?.runId ?? '')).run.status).toBe('failed');
    await page.getByRole('button', { name: 'Retry…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('button', { name: 'Cancel…' }).click();
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await page.locator('.run-sum').getByText('cancelled').waitFor();
    expect((await server.operator.run(made?.runId ?? '')).run.status).toBe('cancelled');

    // What the server refuses is said in its own words.
    await page.goto(`${server.origin}/#/runs/nothing-of-that-name`);
    await page.getByRole('alert').getByText('there is no run').waitFor();
    // Asking for what is not there is no trouble of the page; anything else would be.
    expect(troubles.errors.filter((error) => !error.includes('404'))).toEqual([]);
    expect(troubles.strangers).toEqual([]);
  });

  test('a stage is paused and resumed', async () => {
    const server = await startTestServer();
    const { page, troubles } = await visit(server, '#/workers');
    await page.getByText('No worker is running').waitFor();
    await page.getByRole('button', { name: 'Pause music' }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByRole('row', { name: 'music' }).getByText('paused').waitFor();
    expect((await server.operator.stages()).find(({ stage }) => stage === 'music')?.pausedAt).not.toBeNull();
    await page.getByRole('button', { name: 'Resume music' }).click();
    await page.getByRole('button', { name: 'Pause music' }).waitFor();
    expect((await server.operator.stages()).find(({ stage }) => stage === 'music')?.pausedAt).toBeNull();
    expectNoTroubles(troubles);
  });

  test('a thousand runs are listed page by page, filtered, and stay live', { timeout: 90_000 }, async () => {
    const server = await startTestServer();
    const orders = Array.from({ length: 1_000 }, () => stageOrder);
    await server.operator.enqueue(orders);
    const { page, troubles } = await visit(server, '#/');
    const rows = page.locator('.run');
    await rows.first().waitFor();
    for (let shown = await rows.count(); shown < 1_000; shown = await rows.count()) {
      await page.getByRole('button', { name: 'Load more' }).click();
      await until(async () => (await rows.count()) > shown, { what: `more than ${shown} runs` });
    }
    expect(await page.getByRole('button', { name: 'Load more' }).count()).toBe(0);
    const [newest] = await server.operator.enqueue([stageOrder]);
    await page.locator(`.run a[href="#/runs/${newest?.runId}"]`).waitFor();
    await server.operator.cancel(newest?.runId ?? '');
    await rows.first().getByText('cancelled', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'cancelled' }).click();
    await until(async () => (await rows.count()) === 1, { what: 'the one that was cancelled' });
    expectNoTroubles(troubles);
  });

  test('what comes from the fleet is text, whatever it looks like', async () => {
    const server = await startTestServer();
    const title = '<img src=x onerror="document.title=1"><b>Night</b>';
    const [made] = await server.operator.enqueue([
      { kind: 'album', channel: 'A', niche: 'B', moods: ['c'], preview: true, tracks: 1, seconds: 5, title },
    ]);
    const { page, troubles } = await visit(server, '#/');
    await page.getByRole('link', { name: title }).click();
    await page.getByRole('heading', { name: title }).waitFor();
    expect(page.url()).toContain(made?.runId);
    expect(await page.locator('main :is(img, b)').count()).toBe(0);
    expectNoTroubles(troubles);
  });

  test('fits a narrow phone: nothing is wider than the screen', async () => {
    const server = await startTestServer();
    const [made] = await server.operator.enqueue([
      {
        kind: 'album',
        channel: 'A',
        niche: 'A very long name without an end '.repeat(5),
        moods: ['c'],
        preview: true,
        tracks: 1,
        seconds: 5,
      },
    ]);
    const { page, troubles } = await visit(server, '#/', { viewport: { width: 360, height: 740 } });
    for (const hash of ['#/', `#/runs/${made?.runId}`, '#/workers', '#/videos']) {
      await page.goto(`${server.origin}/${hash}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(wide, hash).toBeLessThanOrEqual(360);
    }
    expectNoTroubles(troubles);
  });

  test('says quietly that the connection is lost, and takes it up again', async () => {
    const server = await startTestServer();
    const wire = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(server.origin).port) });
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${wire.port}/#/`);
    await page.getByText('No runs yet').waitFor();
    const sign = page.getByRole('status').getByText('reconnecting');
    expect(await sign.count()).toBe(0);
    wire.refuse();
    await sign.waitFor();
    expect(await page.locator('.complaint').count()).toBe(0);
    await server.operator.enqueue([stageOrder]);
    wire.heal();
    await page.locator('.run').waitFor({ timeout: 20_000 });
    await sign.waitFor({ state: 'detached' });
  });

  test('with a password: the login leads to the page asked for, and Log out ends it', async () => {
    const server = await startTestServer({ password: 'correct horse' });
    const { page } = await visit(server, '#/workers');
    await page.getByLabel('Password').fill('correct horse');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Workers' }).waitFor();
    expect(page.url()).toBe(`${server.origin}/#/workers`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Password').waitFor();
    const status = await page.evaluate(async () => (await fetch('/api/runs')).status);
    expect(status).toBe(401);
  });
});

interface Player {
  muted: boolean;
  currentTime: number;
  duration: number;
  error: unknown;
  play(): Promise<void>;
}

/** Whoever hears the page instead of seeing it is told what every control, bar and picture is. */
async function expectNames(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const wanted = new Set(['button', 'link', 'progressbar', 'image', 'dialog', 'table', 'heading', 'Video']);
  const unnamed = nodes.filter(
    (node) => !node.ignored && wanted.has(String(node.role?.value)) && !String(node.name?.value ?? '').trim(),
  );
  expect(nodes.length).toBeGreaterThan(20);
  expect(unnamed.map((node) => `${node.role?.value} ${JSON.stringify(node.properties?.slice(0, 3))}`)).toEqual([]);
}
