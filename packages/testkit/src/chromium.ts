/**
 * A real headless Chromium for tests, driven by playwright-core; it ends with the test, or with the file when it was
 * launched in a `beforeAll`. Nothing is downloaded: it is the machine's own browser. Where there is none,
 * `chromiumMissing()` gives the sentence with which a suite is skipped by name:
 *
 *     describe.skipIf(chromiumMissing() !== null)(withChromium('the page'), () => {
 *       it('lists runs', async () => {
 *         const browser = await launchChromium();
 *         const page = await browser.newPage();
 *         …
 */
import { findOnPath, missingSentence } from '@reelfleet/embedded';
import type { Browser, Page } from 'playwright-core';
import { atTestEnd } from './cleanup.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'] as const;
const found = (): string | undefined =>
  names.map((name) => findOnPath(name, process.env)).find((path) => path !== undefined);

/** Null when a Chromium is there, else one sentence with the command that installs it. */
export function chromiumMissing(): string | null {
  if (found() !== undefined) return null;
  return missingSentence('chromium', { apt: 'chromium', brew: '--cask chromium', dnf: 'chromium' });
}

/** The title of a suite that needs Chromium; says why and what to do when it is skipped. */
export function withChromium(title: string): string {
  const missing = chromiumMissing();
  return missing === null ? title : `${title} (skipped: ${missing})`;
}

/** Launches it; throws the sentence of `chromiumMissing()` where there is none. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = found();
  if (executablePath === undefined) throw new Error(chromiumMissing() ?? 'chromium is missing');
  // Loaded here and not above: most tests that use testkit never see a browser.
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath,
    args: [
      // Its own sandbox needs what root and containers do not have.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
  atTestEnd(() => browser.close());
  return browser;
}

/** What went wrong in a page: uncaught errors, errors on its console (a Content-Security-Policy at work shows there), requests to strangers. */
export interface PageTroubles {
  readonly errors: string[];
  /** Addresses outside the page's own origin that it asked for. */
  readonly strangers: string[];
}

/** Collects a page's troubles; call it before the first `goto`. `origin` is the server's, like `http://127.0.0.1:3000`. */
export function watchPage(page: Page, origin: string): PageTroubles {
  const troubles: PageTroubles = { errors: [], strangers: [] };
  page.on('pageerror', (error) => troubles.errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.errors.push(message.text());
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.origin !== origin) troubles.strangers.push(request.url());
  });
  return troubles;
}
