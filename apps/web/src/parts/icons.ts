/** Small drawings, in the colour of the text beside them; words always stand next to them, so they are hidden from readers aloud. */
import { html, svg, type TemplateResult } from 'lit-html';

const shapes = {
  reel: svg`<path fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 1 0 14.4A7.2 7.2 0 0 1 8 .8Zm0 2.1a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM4.7 8.6a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6Zm6.6 0a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM8 7.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4Z"/>`,
  play: svg`<path d="M4.5 2.5v11l9-5.5z"/>`,
  retry: svg`<path d="M13 3v3.8H9.2l1.5-1.5A4 4 0 1 0 12 9h1.5A5.5 5.5 0 1 1 11.7 4.3z"/>`,
  stop: svg`<path d="M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Zm0 1.5a5 5 0 0 0-3.9 8.1l7-7A5 5 0 0 0 8 3Zm3.9 1.9-7 7a5 5 0 0 0 7-7Z"/>`,
  pause: svg`<path d="M4 3h3v10H4zm5 0h3v10H9z"/>`,
  download: svg`<path d="M7.250 1.5h1.5v7l2.4-2.4 1.1 1.1L8 11.4 3.8 7.2l1.1-1.1 2.350 2.4zM2.5 13h11v1.5h-11z"/>`,
  close: svg`<path d="m3.6 2.5 4.4 4.4 4.4-4.4 1.1 1.1L9.1 8l4.4 4.4-1.1 1.1L8 9.1l-4.4 4.4-1.1-1.1L6.9 8 2.5 3.6z"/>`,
  back: svg`<path d="M9.8 2.7 4.5 8l5.3 5.3 1.1-1.1L6.7 8l4.2-4.2z"/>`,
  sound: svg`<path d="M7.5 2.6v10.8L4.3 10.5H1.5v-5h2.8zM9.4 4.7a3.8 3.8 0 0 1 0 6.6l-.7-1.2a2.4 2.4 0 0 0 0-4.2zm1.5-2.5a6.7 6.7 0 0 1 0 11.6l-.7-1.2a5.3 5.3 0 0 0 0-9.2z"/>`,
  muted: svg`<path d="M7.5 2.6v10.8L4.3 10.5H1.5v-5h2.8zm2.2 3.4 1.8 1.8 1.8-1.8.9.9L12.4 8.7l1.8 1.8-.9.9-1.8-1.8-1.8 1.8-.9-.9 1.8-1.8-1.8-1.8z"/>`,
  captions: svg`<path fill-rule="evenodd" d="M3 3h10a1.8 1.8 0 0 1 1.8 1.8v6.4A1.8 1.8 0 0 1 13 13H3a1.8 1.8 0 0 1-1.8-1.8V4.8A1.8 1.8 0 0 1 3 3Zm4.6 4.1a2 2 0 1 0 0 1.8l-1.1-.5a.8.8 0 1 1 0-.8zm5 0a2 2 0 1 0 0 1.8l-1.1-.5a.8.8 0 1 1 0-.8z"/>`,
  grow: svg`<path d="M2 2h4.5v1.5h-3v3H2zm7.5 0H14v4.5h-1.5v-3h-3zM2 9.5h1.5v3h3V14H2zm10.5 0H14V14H9.5v-1.5h3z"/>`,
  shrink: svg`<path d="M5 2h1.5v4.5H2V5h3zm4.5 0H11v3h3v1.5H9.5zM2 9.5h4.5V14H5v-3H2zm7.5 0H14V11h-3v3H9.5z"/>`,
  alert: svg`<path fill-rule="evenodd" d="M8 1.2a6.8 6.8 0 1 1 0 13.6A6.8 6.8 0 0 1 8 1.2ZM7.2 4.4v4.8h1.6V4.4zm0 5.9v1.6h1.6v-1.6z"/>`,
} as const;

export function icon(name: keyof typeof shapes): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="currentColor" aria-hidden="true">${shapes[name]}</svg>`;
}
