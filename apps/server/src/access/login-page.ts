/**
 * The page that asks for the password. It needs nothing but itself: style and the one script stand in it, and the policy
 * of this answer names their hashes. It works without the script too; that only keeps what follows `#` in the address,
 * which a browser tells no server.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { policy, strictSources, widened } from './content-security.ts';

export interface LoginPage {
  readonly status: 200 | 401 | 429;
  /** Where to go afterwards. */
  readonly next: string;
  /** What was wrong with the last attempt. */
  readonly message?: string;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1f24; --quiet: #626a75; --line: #d5d9df; --sheet: #fff; --ground: #f3f4f6; --mark: #0b6b7d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --quiet: #9aa3af; --line: #383e47; --sheet: #1d2126; --ground: #14171b; --mark: #4cc3d6; --bad: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 22rem; padding: 2rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0 0 .25rem; font-size: 1.35rem; letter-spacing: -.01em; }
p { margin: 0 0 1.5rem; color: var(--quiet); }
p[role=alert] { margin: 1rem 0 0; color: var(--bad); }
label { display: block; margin-bottom: .4rem; font-weight: 600; font-size: .9rem; }
input, button { width: 100%; padding: .6rem .75rem; font: inherit; border-radius: 8px; }
input { border: 1px solid var(--line); background: transparent; color: inherit; }
button { margin-top: 1rem; border: 0; background: var(--mark); color: var(--sheet); font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
`;
const SCRIPT = `document.forms[0].elements.next.value += location.hash;`;

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const contentSecurityPolicy = policy(
  widened(strictSources, { 'style-src': [hashOf(STYLE)], 'script-src': [hashOf(SCRIPT)] }),
);

export async function sendLoginPage(reply: FastifyReply, page: LoginPage): Promise<FastifyReply> {
  await reply.helmet({ contentSecurityPolicy });
  return reply
    .code(page.status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .serializer((text: string) => text)
    .send(render(page));
}

function render({ next, message }: LoginPage): string {
  const alert = message === undefined ? '' : `\n<p role="alert">${escaped(message)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Reelfleet</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Reelfleet</h1>
<p>This fleet asks for its password.</p>
<form method="post" action="/login">
<input type="hidden" name="next" value="${escaped(safeNext(next))}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>${alert}
</form>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** An address on this server, whatever was given: where to go after the login is no way out to elsewhere. Pure. */
export function safeNext(next: string): string {
  const here = 'http://here.invalid';
  if (!next.startsWith('/') || next.length > 2_000 || !URL.canParse(next, here)) return '/';
  const url = new URL(next, here);
  if (url.origin !== here || url.pathname.startsWith('//') || /^\/log(in|out)\b/.test(url.pathname)) return '/';
  return `${url.pathname}${url.search}${url.hash}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
