/** A file on its way in over HTTP: its bytes as they come, up to a limit, from a sender who keeps sending. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Problem } from '../problem.ts';

/** Fewer bytes than this in `stallMs` are next to nothing: a sender that drips would hold a file open for ever. */
const LEAST_BYTES = 16_384;
const GONE = 'the file did not arrive whole: nothing of it was kept, send it again';

export interface IncomingLimits {
  maxBytes: number;
  stallMs: number;
}

/** Throws a Problem (413) when the request says that it is too large. */
export function checkAnnounced({ headers }: Pick<IncomingMessage, 'headers'>, limits: IncomingLimits): void {
  if (Number(headers['content-length'] ?? 0) > limits.maxBytes) throw tooLarge(limits);
}

/** The body as a stream that ends with a Problem when it is too large, stands still or breaks off. */
export function incoming(request: IncomingMessage, limits: IncomingLimits): Readable {
  return Readable.from(bytesOf(request, limits), { objectMode: false });
}

async function* bytesOf(request: IncomingMessage, limits: IncomingLimits): AsyncGenerator<Buffer, void, void> {
  const chunks = request[Symbol.asyncIterator]();
  let [total, waited, came] = [0, 0, 0];
  for (;;) {
    const began = performance.now();
    const next = await inTime(chunks.next(), limits.stallMs - waited);
    if (next.done) break;
    const chunk = next.value as Buffer;
    // Only the waiting counts: where the store is slow, the sender is not to blame.
    waited += performance.now() - began;
    came += chunk.length;
    if (came >= LEAST_BYTES) [waited, came] = [0, 0];
    total += chunk.length;
    if (total > limits.maxBytes) throw tooLarge(limits);
    yield chunk;
  }
  if (!request.complete) throw new Problem(400, GONE);
}

async function inTime<T>(next: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Problem(408, 'the request took too long to arrive')), Math.max(0, ms));
  });
  try {
    return await Promise.race([
      next.catch((error) => {
        throw new Problem(400, GONE, { cause: error });
      }),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge({ maxBytes }: IncomingLimits): Problem {
  const most = Math.ceil(maxBytes / 1_000_000);
  return new Problem(413, `the file is larger than the ${most} MB that may be imported (REELFLEET_IMPORT_MAX_MB)`);
}
