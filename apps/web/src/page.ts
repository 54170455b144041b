/** What a page is to the shell that shows it. */
import type { TemplateResult } from 'lit-html';
import type { Route } from './router.ts';

/** The shell as a page sees it. */
export interface Host {
  /** Something changed: draw in the next frame, however often this is called before it. */
  redraw(): void;
  /** Say that something did not work, until it is dismissed. */
  complain(error: unknown): void;
  /**
   * What a page asks for of its own accord: null when it failed. Then the reason is said, until something is loaded
   * again; when the server is only away, the sign of the connection says enough.
   */
  load<T>(asked: Promise<T>): Promise<T | null>;
  /** Whether this page's live connection holds. */
  connected(yes: boolean): void;
}

export interface Page {
  /** For the window's title. */
  title(): string;
  view(): TemplateResult;
  /** The address changed within this page. */
  enter?(route: Route): void;
  /** Close streams, stop timers. */
  close(): void;
}

/**
 * A page that asks again every so often, while someone looks. Runs `task` at once; no two at a time. `now` while one is
 * under way means once more right after it: what that one reads may be from before whatever `now` is to show.
 */
export function repeatedly(everyMs: number, task: () => Promise<void>): { now(): void; stop(): void } {
  let timer: number | undefined;
  let running = false;
  let again = false;
  let stopped = false;
  const turn = async () => {
    window.clearTimeout(timer);
    if (running || stopped) return;
    if (document.visibilityState === 'visible') {
      running = true;
      do {
        again = false;
        await task();
      } while (again && !stopped);
      running = false;
    }
    if (!stopped) timer = window.setTimeout(turn, everyMs);
  };
  const onVisible = () => void turn();
  document.addEventListener('visibilitychange', onVisible);
  void turn();
  return {
    now() {
      again = running;
      void turn();
    },
    stop() {
      stopped = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
