import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium, watchPage, withChromium } from './chromium.ts';
import { atTestEnd } from './cleanup.ts';

async function serve(html: string): Promise<string> {
  const server = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', 'content-security-policy': "script-src 'self'" })
      .end(`<link rel="icon" href="data:,">${html}`),
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  atTestEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(chromiumMissing() !== null)(withChromium('launchChromium'), () => {
  it('gives a browser that shows a page, and a quiet page has no troubles', async () => {
    const origin = await serve('<h1>Reelfleet</h1>');
    const page = await (await launchChromium()).newPage();
    const troubles = watchPage(page, origin);
    await page.goto(origin);
    expect(await page.textContent('h1')).toBe('Reelfleet');
    expect(troubles).toEqual({ errors: [], strangers: [] });
  });

  it('tells what a page may not do, and whom it asks beside its own server', async () => {
    const origin = await serve('<script>document.title = "ran"</script><img src="http://127.0.0.1:9/stranger.png">');
    const page = await (await launchChromium()).newPage();
    const troubles = watchPage(page, origin);
    await page.goto(origin);
    expect(await page.title()).toBe('');
    expect(troubles.errors.join('\n')).toMatch(/Content Security Policy/);
    expect(troubles.strangers).toEqual(['http://127.0.0.1:9/stranger.png']);
  });
});

describe('where no Chromium is found', () => {
  it('launches nothing and names the suite with the command that installs it', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      await expect(launchChromium()).rejects.toThrow(/chromium is missing: install it with/);
      expect(withChromium('the page')).toMatch(
        /^the page \(skipped: chromium is missing: install it with ".* install .*chromium/,
      );
    } finally {
      process.env.PATH = path;
    }
  });
});
