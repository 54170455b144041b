/**
 * The objects of the test bucket: facts in memory, bytes in files, so that an album may lie in it. Creating is atomic:
 * the precondition is looked at in the same turn in which the object appears.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { Crc32c } from '@reelfleet/storage';

export interface StoredFacts {
  name: string;
  generation: string;
  size: number;
  crc32c: string;
  md5Hash: string;
  contentType: string;
  metadata: Record<string, string>;
  timeCreated: string;
  /** Where its bytes are: a file, and where in it they begin. */
  path: string;
  offset: number;
}

/** What a client says of an object before its bytes are there. */
export interface Wish {
  name: string;
  contentType?: string;
  crc32c?: string;
  md5Hash?: string;
  metadata?: Record<string, string>;
}

/** Bytes in a file that may become an object. */
export interface Bytes {
  path: string;
  offset: number;
  size: number;
}

export class Bucket {
  private readonly objects = new Map<string, StoredFacts>();
  private generation = Date.now() * 1000;

  get(name: string, generation?: string | null): StoredFacts | null {
    const found = this.objects.get(name);
    return found && (!generation || generation === found.generation) ? found : null;
  }

  /** Whether an `ifGenerationMatch` holds; 0 means that there must be none. */
  holds(name: string, ifGenerationMatch: string | null): boolean {
    return ifGenerationMatch === null || (this.objects.get(name)?.generation ?? '0') === ifGenerationMatch;
  }

  /** Null when the precondition does not hold; the bytes are then removed. */
  async create(
    wish: Wish,
    bytes: Bytes,
    hashes: { crc32c: string; md5Hash: string },
    ifGenerationMatch: string | null,
  ): Promise<StoredFacts | null> {
    if (!this.holds(wish.name, ifGenerationMatch)) {
      await rm(bytes.path, { force: true });
      return null;
    }
    this.generation += 1;
    const facts: StoredFacts = {
      ...bytes,
      ...hashes,
      name: wish.name,
      generation: String(this.generation),
      contentType: wish.contentType ?? 'application/octet-stream',
      metadata: wish.metadata ?? {},
      timeCreated: new Date().toISOString(),
    };
    const before = this.objects.get(wish.name);
    this.objects.set(wish.name, facts);
    if (before) await rm(before.path, { force: true });
    return facts;
  }

  /** False when there is none. */
  async delete(name: string): Promise<boolean> {
    const found = this.objects.get(name);
    this.objects.delete(name);
    if (found) await rm(found.path, { force: true });
    return found !== undefined;
  }

  /** In the order of their names' bytes, as the service lists. */
  list(prefix: string, after: string | null, most: number): { items: StoredFacts[]; more: boolean } {
    const bytes = (name: string) => Buffer.from(name);
    const names = [...this.objects.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => ({ name, order: bytes(name) }))
      .filter(({ order }) => after === null || Buffer.compare(order, bytes(after)) > 0)
      .sort((a, b) => Buffer.compare(a.order, b.order));
    const items = names.slice(0, most).flatMap(({ name }) => this.objects.get(name) ?? []);
    return { items, more: names.length > most };
  }
}

export async function hashesOf({ path, offset, size }: Bytes): Promise<{ crc32c: string; md5Hash: string }> {
  const crc = new Crc32c();
  const md5 = createHash('md5');
  if (size > 0) {
    const stream = createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 1024 * 1024 });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      crc.update(chunk);
      md5.update(chunk);
    }
  }
  return { crc32c: crc.toString(), md5Hash: md5.digest('base64') };
}

/** Changes one byte of a file. */
export async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ 0x10;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
