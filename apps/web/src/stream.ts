/**
 * A stream of the server's events that stays open. The browser reconnects by itself and asks for what it missed
 * (`Last-Event-ID`); after a refusal it would not, so we try again with growing pauses. The owner is told to load
 * everything whenever the stream opens, since only what happens after that is sure to be told; when the server says
 * `reset`; and at every refusal, so that a page without its stream is slow but not blind.
 */
export interface StreamOptions {
  /** By the event's name; the data has been parsed. */
  readonly on: Readonly<Record<string, (data: never) => void>>;
  readonly reload: () => void;
  readonly connected: (yes: boolean) => void;
}

export interface Stream {
  close(): void;
}

/** A reconnect within this time is not worth a word. */
const QUIET_MS = 1_500;
const LONGEST_PAUSE_MS = 15_000;

export function openStream(url: string, { on, reload, connected }: StreamOptions): Stream {
  let source: EventSource;
  let closed = false;
  let pauseMs = 1_000;
  let retry: number | undefined;
  let word: number | undefined;

  const sayLost = () => {
    word ??= window.setTimeout(() => connected(false), QUIET_MS);
  };
  const sayConnected = () => {
    window.clearTimeout(word);
    word = undefined;
    connected(true);
  };

  function connect(): void {
    source = new EventSource(url);
    source.addEventListener('open', () => {
      pauseMs = 1_000;
      sayConnected();
      reload();
    });
    source.addEventListener('error', () => {
      sayLost();
      if (source.readyState !== EventSource.CLOSED || closed) return;
      reload();
      retry = window.setTimeout(connect, pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    });
    source.addEventListener('reset', reload);
    for (const [name, handle] of Object.entries(on)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data) as never));
    }
  }
  connect();
  return {
    close() {
      closed = true;
      window.clearTimeout(retry);
      window.clearTimeout(word);
      source.close();
    },
  };
}
