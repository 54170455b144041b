/**
 * The frame around every page: name, navigation, the sign of the connection, errors, and the one place that draws.
 * Whatever happens, be it a hundred events at once, is drawn once in the next frame; ages tick with one timer for all.
 */
import { html, nothing, render } from 'lit-html';
import { keyed } from 'lit-html/directives/keyed.js';
import { Problem } from './api.ts';
import type { Host, Page } from './page.ts';
import { openPage } from './pages/index.ts';
import { icon } from './parts/icons.ts';
import { pageKey, parseRoute, type Route, to } from './router.ts';

export function startShell(root: HTMLElement): void {
  let route: Route = parseRoute(location.hash);
  let page: Page;
  let key = '';
  let online = true;
  let complaint: { text: string; ofLoad: boolean } | null = null;
  let drawing = 0;

  const host: Host = {
    redraw() {
      if (drawing === 0) drawing = requestAnimationFrame(draw);
    },
    complain(error) {
      complaint = { text: error instanceof Error ? error.message : String(error), ofLoad: false };
      host.redraw();
    },
    async load(asked) {
      const from = key;
      try {
        const answer = await asked;
        if (complaint?.ofLoad) dismiss();
        return answer;
      } catch (error) {
        // Nobody waits for it any more.
        if (from !== key || (error instanceof DOMException && error.name === 'AbortError')) return null;
        if (error instanceof Problem && error.status === 0) host.connected(false);
        else complaint = { text: error instanceof Error ? error.message : String(error), ofLoad: true };
        host.redraw();
        return null;
      }
    },
    connected(yes) {
      if (online === yes) return;
      online = yes;
      host.redraw();
    },
  };

  function enter(): void {
    route = parseRoute(location.hash);
    if (pageKey(route) === key) {
      page.enter?.(route);
    } else {
      page?.close();
      key = pageKey(route);
      complaint = null;
      online = true;
      page = openPage(route, host);
      window.scrollTo(0, 0);
      // So that the keyboard goes on in the new page; on the first one there is nothing to leave.
      document.getElementById('content')?.focus({ preventScroll: true });
    }
    host.redraw();
  }

  function draw(): void {
    drawing = 0;
    document.title = `${page.title()} · Reelfleet`;
    render(
      html`
        <a class="skip" href="#content" @click=${skip}>Skip to content</a>
        <header class="top">
          <div class="top-inner">
            <a class="brand" href=${to.runs()} aria-label="Reelfleet, all runs">${icon('reel')}<span>Reelfleet</span></a>
            <nav aria-label="Main">${places.map(placeLink)}</nav>
            <span class="connection" role="status">${
              online
                ? nothing
                : html`<span class="connection-lost"><span class="dot" aria-hidden="true"></span>reconnecting…</span>`
            }</span>
            ${hasSession() ? html`<form method="post" action="/logout"><button class="quiet">Log out</button></form>` : nothing}
          </div>
        </header>
        <div role="alert">${
          complaint === null
            ? nothing
            : html`<div class="complaint"><p>${complaint.text}</p><button class="quiet" @click=${dismiss}>Dismiss</button></div>`
        }</div>
        <main id="content" tabindex="-1">${keyed(key, page.view())}</main>
      `,
      root,
    );
  }

  const places = [
    { name: 'Runs', href: to.runs(), pages: ['runs', 'run', 'task'] },
    { name: 'Videos', href: to.videos(), pages: ['videos', 'video'] },
    { name: 'Fleet', href: to.workers(), pages: ['workers'] },
  ];
  const placeLink = ({ name, href, pages }: (typeof places)[number]) =>
    html`<a href=${href} aria-current=${pages.includes(route.page) ? 'page' : nothing}>${name}</a>`;

  const dismiss = () => {
    complaint = null;
    host.redraw();
  };
  /** The address behind `#` is the route, so the jump is made by hand. */
  const skip = (event: Event) => {
    event.preventDefault();
    document.getElementById('content')?.focus();
  };

  window.addEventListener('hashchange', enter);
  window.setInterval(() => {
    if (document.visibilityState === 'visible') host.redraw();
  }, 1_000);
  enter();
}

const hasSession = (): boolean => document.documentElement.dataset.session === 'yes';
