/**
 * Tells the server that somebody watches: that it begins, every ten seconds how much has been played and how far, and that it
 * ends. Nobody waits for it and nobody is told when it fails. What counts is what was played, not what was skipped.
 */
import { post } from '../api.ts';

/** How often, in seconds of playing. */
const EVERY = 10;
/** Two moments further apart than this were not played through: somebody went elsewhere. */
const STEP = 1.5;

export interface Watched {
  /** The moment that is shown, whenever it has moved, and the quality it is shown in. */
  at(seconds: number, playing: boolean, quality: string | null): void;
  close(): void;
}

export function openWatched(video: string): Watched {
  let session: Promise<string | null> | null = null;
  let watched = 0;
  let told = 0;
  let furthest = 0;
  let last: number | null = null;
  const qualities = new Map<string, number>();

  const start = () =>
    post<{ session: string }>('/api/playback', { event: 'start', video }).then(
      (answer) => answer.session,
      () => null,
    );
  async function tell(event: 'heartbeat' | 'end'): Promise<void> {
    const word = { event, watchedSeconds: watched, positionSeconds: furthest, quality: mostSeen(qualities) };
    told = watched;
    const known = await session;
    if (known === null) return;
    // It may be the last thing this page does: `keepalive` lets it be sent all the same.
    const body = JSON.stringify({ ...word, session: known });
    const headers = { 'content-type': 'application/json' };
    await fetch('/api/playback', { method: 'POST', headers, body, keepalive: true }).catch(() => {});
  }
  const leave = () => {
    if (session !== null) void tell('end');
  };
  window.addEventListener('pagehide', leave);

  return {
    at(seconds, playing, quality) {
      const step = last === null ? 0 : seconds - last;
      last = seconds;
      if (!playing) return;
      session ??= start();
      if (step > 0 && step < STEP) {
        watched += step;
        furthest = Math.max(furthest, seconds);
        if (quality !== null) qualities.set(quality, (qualities.get(quality) ?? 0) + step);
      }
      if (watched - told >= EVERY) void tell('heartbeat');
    },
    close() {
      window.removeEventListener('pagehide', leave);
      leave();
    },
  };
}

function mostSeen(qualities: ReadonlyMap<string, number>): string | null {
  return [...qualities].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
