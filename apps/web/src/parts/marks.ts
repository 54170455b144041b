/** The marks that stand for a state everywhere alike: status, progress, moments, errors, and a place with nothing in it. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { serverNow } from '../api.ts';
import { exactTime, percent, relative, sentence, words } from '../format.ts';
import { icon } from './icons.ts';

/** A coloured dot and the word. */
export function statusMark(status: string, asked: string | null = null): TemplateResult {
  const leaving = asked !== null && (status === 'running' || status === 'queued');
  return html`<span class="status" data-status=${status}><span class="dot" aria-hidden="true"></span>${words(status)}${
    leaving ? html`<span class="muted">, cancelling</span>` : nothing
  }</span>`;
}

/** The dot alone, with the word for those who do not see it. */
export const statusDot = (status: string): TemplateResult =>
  html`<span class="status" data-status=${status} title=${words(status)}><span class="dot" aria-hidden="true"></span><span class="unseen">${words(status)}</span></span>`;

/** A bar; what is done shows full, whatever the last lossy word of its progress was. */
export function bar(value: number, label: string, status: string): TemplateResult {
  const shown = status === 'completed' || status === 'skipped' ? 100 : Math.max(0, Math.min(100, value));
  return html`<progress class="bar" data-status=${status} max="100" .value=${shown} aria-label=${label}>${percent(shown)}</progress>`;
}

/** How long ago, with the whole moment on hovering. */
export const when = (iso: string): TemplateResult =>
  html`<time datetime=${iso} title=${exactTime(iso)}>${relative(iso, serverNow())}</time>`;

/** Why it ended as it did. That somebody cancelled it is no fault. */
export const errorLine = (error: string, status = 'failed'): TemplateResult =>
  status === 'cancelled' || status === 'skipped'
    ? html`<p class="note">${sentence(error)}</p>`
    : html`<p class="error">${icon('alert')}<span>${sentence(error)}</span></p>`;

/** Nothing here: why, and what to do about it. */
export function empty(title: string, text: unknown, command?: string): TemplateResult {
  return html`<div class="empty">
    <h2>${title}</h2>
    <p>${text}</p>
    ${command === undefined ? nothing : html`<pre class="command" tabindex="0"><code>${command}</code></pre>`}
  </div>`;
}

/** Before the first answer: nothing for the first moment, so that a fast answer does not flicker. */
export const loading = (): TemplateResult => html`<p class="loading" role="status">Loading…</p>`;

export const backLink = (href: string, text: string): TemplateResult =>
  html`<a class="back" href=${href}>${icon('back')}${text}</a>`;

export const enqueueCommand =
  'npx reelfleet enqueue album --channel "Lofi Harbour" \\\n  --niche "Rainy harbour café" --mood "calm, warm" \\\n  --preview --tracks 4 --seconds 20';
