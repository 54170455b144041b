/** The login as a person meets it, in a real browser: asked once, sent where they wanted to go, and out again. */
import { chromiumMissing, launchChromium, watchPage, withChromium } from '@reelfleet/testkit';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing.ts';

const PASSWORD = 'correct horse battery';
const RUN = '#/runs/00000000-0000-4000-8000-000000000000';

describe.skipIf(chromiumMissing() !== null)(withChromium('the login in a browser'), () => {
  it('asks at the address that was wanted, tells a mistake, and goes on there, also to what follows the #', async () => {
    const { origin } = await startTestServer({ password: PASSWORD });
    const context = await (await launchChromium()).newContext();
    const page = await context.newPage();
    const troubles = watchPage(page, origin);

    const first = await page.goto(`${origin}/${RUN}`);
    expect(first?.status()).toBe(401);
    expect(await page.title()).toBe('Log in · Reelfleet');
    // Its style stands in the page and is let in by its hash; the field has the focus by itself.
    expect(await page.evaluate<string>("getComputedStyle(document.querySelector('main')).borderRadius")).toBe('12px');
    await page.keyboard.type('a wrong one');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe('This is not the password.');

    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/${RUN}`);
    const cookies = await context.cookies();
    expect(cookies).toEqual([expect.objectContaining({ httpOnly: true, sameSite: 'Strict', path: '/' })]);
    expect(await page.evaluate<string>('document.cookie')).toBe('');
    expect(await page.evaluate(async () => (await fetch('/api/runs')).status)).toBe(200);
    // A script of ours may write, by what the browser says of it.
    const retry = await page.evaluate(
      async () => (await fetch('/api/runs/00000000-0000-4000-8000-000000000000/retry', { method: 'POST' })).status,
    );
    expect(retry).toBe(404);

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${origin}/login`);
    expect(await context.cookies()).toEqual([]);
    expect(await page.evaluate(async () => (await fetch('/api/runs')).status)).toBe(401);
    expect(troubles.strangers).toEqual([]);
    // The browser itself writes every refused request on the console; a policy that bites would show there as well.
    expect(troubles.errors.filter((text) => !/the server responded with a status of (401|404)/.test(text))).toEqual([]);
  });

  it('a page of another site can neither read nor write with the session of its visitor', async () => {
    const { origin } = await startTestServer({ password: PASSWORD });
    const open = await startTestServer();
    const context = await (await launchChromium()).newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/login`);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);

    // Another port of the same machine: same site, so that the cookie travels, and another origin.
    const stranger = await context.newPage();
    await stranger.goto(`${open.origin}/healthz`);
    const outcome = await stranger.evaluate(async (target) => {
      const tries: [string, RequestInit][] = [
        ['/api/runs', { credentials: 'include' }],
        ['/api/stages/music/pause', { method: 'POST', mode: 'no-cors', credentials: 'include' }],
        [
          '/api/runs',
          { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}' },
        ],
      ];
      return await Promise.all(
        tries.map(([path, init]) =>
          fetch(`${target}${path}`, init).then(
            (answer) => `${answer.type} ${answer.status}`,
            () => 'failed',
          ),
        ),
      );
    }, origin);
    expect(outcome.filter((one) => one !== 'failed' && !one.startsWith('opaque'))).toEqual([]);
    const stages = await page.evaluate(async () => (await fetch('/api/stages')).json());
    expect(JSON.stringify(stages)).not.toContain('"pausedBy":"');
  });
});
