import {
  chromiumMissing,
  launchChromium,
  redisMissing,
  startRedis,
  type TestRedis,
  until,
  watchPage,
  withChromium,
  withRedis,
} from '@reelfleet/testkit';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { FAILURE, LOG_LINES, openBoardFleet } from './testing.ts';

/** A browser on a busy machine needs more than the second that a poll has by itself. */
const PATIENT = { timeout: 15_000 };

/** The board in a real browser, under the server's Content-Security-Policy and its check of where writes come from. */
function browserSuite(startStore: () => Promise<TestRedis | null>) {
  let server: TestServer;
  let fleet: Awaited<ReturnType<typeof openBoardFleet>>;
  let browser: Browser;

  beforeAll(async () => {
    const redis = await startStore();
    server = await startTestServer(redis ? { redisUrl: redis.url } : {});
    fleet = await openBoardFleet(server, redis?.url);
    await fleet.work(['music', 'image']);
    await until(() => server.queue.epoch(), { what: 'the first sweep' });
    browser = await launchChromium();
  });

  /** Opens a page of the board; `done` says that nothing was blocked, broken or fetched from elsewhere. */
  async function open(path: string): Promise<{ page: Page; done(): Promise<void> }> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, locale: 'en-US' });
    const troubles = watchPage(page, server.origin);
    await page.goto(`${server.origin}/queues${path}`);
    await page.getByText('Reelfleet').first().waitFor();
    return {
      page,
      async done() {
        // What was refused on purpose is an error on the console too.
        const errors = troubles.errors.filter((text) => !/the server responded with a status of 4(09|03)/.test(text));
        expect({ errors, strangers: troubles.strangers }).toEqual({ errors: [], strangers: [] });
        await page.close();
      },
    };
  }
  /** BOARD_SHOTS=folder keeps pictures, for whoever wants to see what it looks like. */
  const look = (page: Page, name: string) =>
    process.env.BOARD_SHOTS
      ? page.screenshot({ path: `${process.env.BOARD_SHOTS}/board-${server.queue.kind}-${name}.png` })
      : null;
  const retry = async (page: Page) => {
    await page.locator('[class*="jobActions-"] button:visible').click();
    await page.getByRole('button', { name: 'Confirm' }).click();
  };

  it('shows what waits, what is worked on with its progress, and leads to the run', async () => {
    await fleet.enqueue('render', { title: 'render · Royal Court Ambience', end: 'complete' });
    const { run } = await fleet.enqueue('music', { title: 'music 7/20 · Royal Court Ambience', end: 'wait' });
    const { page, done } = await open('/queue/render?status=prioritized');
    await page.getByText('render · Royal Court Ambience').waitFor();
    await look(page, 'waiting');
    await page.getByRole('link', { name: /^music/ }).click();
    await page.getByRole('link', { name: /^ACTIVE/i }).click();
    await page.getByText('music 7/20 · Royal Court Ambience').waitFor();
    await page.getByText('42%').waitFor();
    await page.getByText('by studio-1').waitFor();
    expect(await page.getByRole('link', { name: 'run', exact: true }).getAttribute('href')).toBe(`/#/runs/${run}`);
    await look(page, 'active');
    await page.goto(`${server.origin}/queues`);
    await page.getByText('No workers').first().waitFor();
    await look(page, 'overview');
    await done();
  });

  it('offers retry, pause and resume, and no button for what is refused', async () => {
    await fleet.enqueue('image', { title: 'image 3/20 · Fog', end: 'fail' });
    const { page, done } = await open('/queue/image?status=failed');
    await page.getByText('image 3/20 · Fog').waitFor();
    // The list stands before its buttons do.
    await expect.poll(() => page.locator('[class*="jobActions-"] button:visible').count(), PATIENT).toBe(1);
    await expect
      .poll(() => page.locator('[class*="queueActions-"] button:visible').allInnerTexts(), PATIENT)
      .toEqual(['Retry all']);
    await page.locator('main .lucide-ellipsis-vertical').first().click();
    await page.getByRole('menuitem', { name: 'Pause' }).waitFor();
    await look(page, 'menu');
    await expect
      .poll(() => page.locator('[role="menuitem"]:visible').allInnerTexts(), PATIENT)
      .toEqual([expect.stringMatching(/^Retry all \d+ failed job/), 'Pause']);
    await page.keyboard.press('Escape');
    await page.goto(`${server.origin}/queues/queue/render?status=prioritized`);
    await page
      .getByText(/^render · /)
      .first()
      .waitFor();
    expect(await page.locator('[class*="jobActions-"] button:visible').count()).toBe(0);
    await done();
  });

  it('shows why a ticket failed with its log lines, and its retry is an operator retry of the task', async () => {
    const { task } = await fleet.enqueue('image', { title: 'image 8/20 · Dawn at the Docks', end: 'fail' });
    const { page, done } = await open('/queue/image?status=failed');
    const card = page.locator('[class*="card-"]', { hasText: 'image 8/20 · Dawn at the Docks' }).first();
    await card.getByText(FAILURE).waitFor();
    await look(page, 'failed');
    await card.getByRole('tab', { name: 'Logs' }).click();
    await card.getByText(LOG_LINES.at(-1) ?? '', { exact: true }).waitFor();
    await look(page, 'logs');

    await server.operator.pause('image', null);
    await card.locator('[class*="jobActions-"] button:visible').click();
    await look(page, 'confirm');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await card.waitFor({ state: 'detached' });
    expect((await fleet.audit(task)).at(-1)).toEqual({ action: 'operator_retry', actor: 'test' });
    const { task: now } = await server.operator.task(task);
    expect(now).toMatchObject({ status: 'queued', failures: 0 });
    await server.operator.resume('image');
    await done();
  });

  it('says in a red note why a retry is refused', async () => {
    const { task } = await fleet.enqueue('music', { title: 'music 9/20 · refused', end: 'fail' });
    const { page, done } = await open('/queue/music?status=failed');
    await page.getByText('music 9/20 · refused').waitFor();
    await server.operator.pause('music', 'tuning');
    // Somebody else is quicker by a moment: between the button and the server. Any earlier, and the list would know.
    await page.route('**/queues/api/queues/music/*/retry', async (route) => {
      await server.operator.retry(task);
      await route.continue();
    });
    await retry(page);
    await page.getByText(/task music is queued, no longer failed/).waitFor();
    await look(page, 'refused');
    await server.operator.resume('music');
    await done();
  });

  it('pauses a stage for the whole fleet and shows who did, and resumes it', async () => {
    const { page, done } = await open('/queue/thumbnail');
    const press = async (name: string) => {
      await page.locator('main .lucide-ellipsis-vertical').first().click();
      await page.getByRole('menuitem', { name }).click();
      await page.getByRole('button', { name: 'Confirm' }).click();
    };
    const pausedBy = async () => (await server.operator.stages()).find(({ stage }) => stage === 'thumbnail')?.pausedBy;
    await press('Pause');
    await page.getByText(/paused by test: paused in Bull Board/).waitFor();
    expect(await pausedBy()).toBe('test');
    await look(page, 'paused');
    await press('Resume');
    await until(async () => (await pausedBy()) === null, { what: 'the stage to be resumed' });
    await done();
  });
}

describe.skipIf(chromiumMissing() !== null)(withChromium('Bull Board in a browser, tickets on Postgres'), () =>
  browserSuite(async () => null),
);

describe.skipIf(chromiumMissing() !== null || redisMissing() !== null)(
  withChromium(withRedis('Bull Board in a browser, tickets on Redis')),
  () => browserSuite(() => startRedis()),
);
