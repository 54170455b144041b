/** The row of controls of a player, as a template of its facts: buttons with words for who hears them, lists of the browser. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { clock } from '../format.ts';
import { icon } from '../parts/icons.ts';
import type { Wish } from './keys.ts';

export interface PlayerFacts {
  paused: boolean;
  ended: boolean;
  /** Somebody has begun to watch. */
  begun: boolean;
  waiting: boolean;
  /** Seconds. */
  time: number;
  duration: number;
  muted: boolean;
  volume: number;
  /** Empty: there is nothing to choose. */
  qualities: readonly string[];
  /** Null: as the line allows. */
  chosen: string | null;
  shown: string | null;
  /** Empty: there is one only. */
  sounds: readonly string[];
  heard: number;
  /** Null: there are none. */
  captions: boolean | null;
  full: boolean;
  message: string | null;
}

/** What the controls ask for beyond what the keys can. */
export type Asked =
  | Wish
  | { do: 'quality'; name: string | null }
  | { do: 'sound'; number: number }
  | { do: 'volumeTo'; to: number }
  | { do: 'retry' };
export type Act = (asked: Asked) => void;

export function controlsView(facts: PlayerFacts, act: Act, seekBar: HTMLElement): TemplateResult {
  const { paused, ended, begun, waiting, time, duration, muted, volume, captions, full, message } = facts;
  const [verb, sign] = ended
    ? (['Play again', 'retry'] as const)
    : paused
      ? (['Play', 'play'] as const)
      : (['Pause', 'pause'] as const);
  if (message !== null)
    return html`<div class="player-message"><p role="alert">${message}</p><button @click=${() => act({ do: 'retry' })}>${icon('retry')}Try again</button></div>`;
  return html`
    ${begun ? nothing : html`<button class="player-big" aria-label="Play" @click=${() => act({ do: 'toggle' })}>${icon('play')}</button>`}
    ${waiting ? html`<div class="player-waiting" role="status"><span class="unseen">Loading…</span></div>` : nothing}
    <div class="player-bar">
      ${seekBar}
      <div class="player-row">
        <button class="player-button" aria-label=${verb} title="${verb} (k)" @click=${() => act({ do: 'toggle' })}>${icon(sign)}</button>
        <button class="player-button" aria-label=${muted ? 'Unmute' : 'Mute'} title="${muted ? 'Unmute' : 'Mute'} (m)" @click=${() => act({ do: 'mute' })}>${icon(muted ? 'muted' : 'sound')}</button>
        <input class="volume" type="range" min="0" max="1" step="0.05" aria-label="Volume" .value=${String(muted ? 0 : volume)}
          @input=${(event: Event) => act({ do: 'volumeTo', to: Number((event.target as HTMLInputElement).value) })}>
        <span class="player-time figures">${clock(time)} <span class="player-length">/ ${clock(duration)}</span></span>
        <span class="player-space"></span>
        ${
          captions === null
            ? nothing
            : html`<button class="player-button" aria-label="Captions" aria-pressed=${captions} title="Captions (c)" @click=${() => act({ do: 'captions' })}>${icon('captions')}</button>`
        }
        ${soundList(facts, act)}
        ${qualityList(facts, act)}
        <button class="player-button" aria-label=${full ? 'Leave full screen' : 'Full screen'} title="${full ? 'Leave full screen' : 'Full screen'} (f)" @click=${() => act({ do: 'fullscreen' })}>${icon(full ? 'shrink' : 'grow')}</button>
      </div>
    </div>
  `;
}

function soundList({ sounds, heard }: PlayerFacts, act: Act): TemplateResult | typeof nothing {
  if (sounds.length === 0) return nothing;
  const choose = (event: Event) => act({ do: 'sound', number: (event.target as HTMLSelectElement).selectedIndex });
  return html`<select class="player-quality" aria-label="Sound" @change=${choose}>
    ${sounds.map((name, index) => html`<option .selected=${index === heard}>${name}</option>`)}
  </select>`;
}

/** `Auto` says what it has come to. */
function qualityList({ qualities, chosen, shown }: PlayerFacts, act: Act): TemplateResult | typeof nothing {
  if (qualities.length === 0) return nothing;
  const choose = (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    act({ do: 'quality', name: value === 'auto' ? null : value });
  };
  return html`<select class="player-quality" aria-label="Quality" @change=${choose}>
    <option value="auto" .selected=${chosen === null}>${chosen === null && shown !== null ? `Auto · ${shown}` : 'Auto'}</option>
    ${qualities.map((name) => html`<option value=${name} .selected=${chosen === name}>${name}</option>`)}
  </select>`;
}

/** The kind of control that has the focus, as far as keys mean something else there. */
export function controlOf(target: EventTarget | null): 'button' | 'list' | 'volume' | null {
  if (target instanceof HTMLSelectElement) return 'list';
  if (target instanceof HTMLButtonElement) return 'button';
  return target instanceof HTMLInputElement && target.classList.contains('volume') ? 'volume' : null;
}
