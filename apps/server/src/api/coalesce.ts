/**
 * Many who ask the same thing at once get one answer, and never one that is older than their question: whoever comes
 * while a read is under way waits for the next one, together with all others who came meanwhile. So a hundred pages that
 * load at once cost two reads, and a run somebody just enqueued is in the list they ask for next.
 */
interface Flight<T> {
  readonly running: Promise<T>;
  next: Promise<T> | null;
}

export function coalesced(): <T>(key: string, read: () => Promise<T>) => Promise<T> {
  const flights = new Map<string, Flight<unknown>>();

  function start<T>(key: string, read: () => Promise<T>): Promise<T> {
    const flight: Flight<unknown> = { running: read(), next: null };
    flights.set(key, flight);
    const landed = () => {
      if (flight.next === null) flights.delete(key);
    };
    flight.running.then(landed, landed);
    return flight.running as Promise<T>;
  }

  return <T>(key: string, read: () => Promise<T>): Promise<T> => {
    const flight = flights.get(key);
    if (!flight) return start(key, read);
    const begin = () => start(key, read);
    flight.next ??= flight.running.then(begin, begin);
    return flight.next as Promise<T>;
  };
}
