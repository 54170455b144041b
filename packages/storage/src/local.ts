/**
 * The store in a folder of this machine (`file:`). Owns everything below its root: objects lie at `<root>/<key>`, files
 * on their way in lie in `<root>/.incoming/`, which no key can name and no listing shows.
 *
 * Promises: an object is on the disk (file and folder synced) before it can be seen, is seen whole or not at all, and
 * never changes afterwards. Publishing is one `link()`, which fails when the name is taken: of many puts of one key
 * exactly one wins, and the others are compared with it. Nothing outside the root is read or written, also not
 * through symbolic links below it.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, readdir, realpath, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type Body,
  type ObjectInfo,
  PermanentError,
  RetryableError,
  type Storage,
  type StoredObject,
  UserError,
} from '@reelfleet/core';
import { makeFolder, seal, syncFolder } from './folders.ts';
import { checkKey, checkPrefix, keyBelow, uriBelow } from './keys.ts';
import { codeOf, escapes, isMissing, missingObject, objectExists, storageError } from './local-errors.ts';
import { giveOut, takeIn } from './local-links.ts';
import { bytesOf, type Digest, discard, pump, pumpToFile, sourceOf } from './pump.ts';
import { checkRange } from './range.ts';

export interface LocalOptions {
  /**
   * A folder whose files belong to the product and are not written to again once they were put (the worker's scratch).
   * A file from there is linked into the store instead of copied; files from anywhere else are always copied, because
   * their owner may go on changing them.
   */
  scratch?: string;
}

const INCOMING = '.incoming';
/** A file on its way in that nobody has written to for a day was left by a process that died. */
const STALE_MS = 24 * 60 * 60 * 1000;
/** Tries to publish while a delete removes the folder under it. */
const PUBLISH_TRIES = 10;

type Watch = { signal?: AbortSignal; onBytes?: (total: number) => void };

/**
 * Open the store at `url` (`file:///abs/path`); touches no file. The folder is made by the first put.
 * Throws {@link UserError} (exit code 2) when the URL names no folder of its own.
 */
export function openLocalStorage(url: string, options: LocalOptions = {}): Storage {
  return new LocalStorage(rootOf(url), options.scratch);
}

function rootOf(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === 'file:' && parsed.search === '' && parsed.hash === '') {
      const root = resolve(fileURLToPath(parsed));
      if (root !== sep) return root;
    }
  } catch {
    // Not a URL, a host in it, or an encoded slash: one sentence for all, below.
  }
  throw new UserError(`STORAGE_URL: got ${JSON.stringify(url)}, takes file:///absolute/path of a folder`, {
    exitCode: 2,
  });
}

class LocalStorage implements Storage {
  readonly driver = 'file';
  private readonly root: string;
  private readonly rootUri: string;
  private readonly scratch: string | undefined;
  /** What dead processes left is removed once, before the first put. */
  private cleared: Promise<void> | null = null;

  constructor(root: string, scratch: string | undefined) {
    this.root = root;
    this.rootUri = `file://${root.split('/').map(encodeURIComponent).join('/')}`;
    this.scratch = scratch;
  }

  uriOf(key: string): string {
    return uriBelow(this.rootUri, key);
  }

  keyOf(uri: string): string {
    return keyBelow(this.rootUri, uri);
  }

  async put(key: string, body: Body, options: { contentType: string } & Watch): Promise<StoredObject> {
    const answer = (digest: Digest): StoredObject => ({
      uri: this.uriOf(key),
      ...digest,
      contentType: options.contentType,
    });
    try {
      checkKey(key);
      options.signal?.throwIfAborted();
      const incoming = join(await this.prepare(), INCOMING, `${randomUUID()}.part`);
      try {
        const digest =
          (await takeIn(body, this.scratch, incoming, options)) ?? (await this.write(body, incoming, options));
        options.signal?.throwIfAborted();
        while (!(await this.publish(incoming, dirname(dirname(incoming)), key))) {
          const there = await this.checksum(this.uriOf(key), options.signal);
          if (there?.sha256 === digest.sha256) break;
          if (there) throw objectExists(this.uriOf(key));
        }
        return answer(digest);
      } finally {
        await rm(incoming, { force: true });
      }
    } catch (error) {
      discard(body);
      throw storageError(error, `cannot store ${key}`, this.root, options.signal);
    }
  }

  async get(
    uri: string,
    options: { start?: number; endExclusive?: number; signal?: AbortSignal } = {},
  ): Promise<Readable> {
    const { start = 0, endExclusive, signal } = options;
    checkRange(uri, start, endExclusive);
    signal?.throwIfAborted();
    const file = await this.openObject(uri);
    if (!file) throw missingObject(uri);
    if (endExclusive === start) {
      await file.close();
      return Readable.from([]);
    }
    const stream = file.createReadStream({ start, ...(endExclusive === undefined ? {} : { end: endExclusive - 1 }) });
    if (signal) {
      // Closed with a reason before its reader has come to listen, it would end the process; who reads it is told all the same.
      stream.on('error', () => {});
      // Destroyed by hand rather than by the stream's own signal option: the reason then arrives as the error itself.
      const abort = () => stream.destroy(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      stream.once('close', () => signal.removeEventListener('abort', abort));
    }
    return stream;
  }

  async download(
    uri: string,
    path: string,
    options: { sha256?: string; toRead?: boolean } & Watch = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const part = `${path}.${randomUUID()}.part`;
    try {
      const found = options.toRead ? await this.locate(this.keyOf(uri)) : null;
      const linked = found && (await giveOut(found.path, part, options));
      const { sha256 } = linked ?? (await this.copyOut(uri, part, options));
      if (options.sha256 !== undefined && options.sha256 !== sha256) {
        throw new RetryableError(
          `${uri} is damaged: its sha256 is ${sha256}, the ledger says ${options.sha256}; run reelfleet fsck`,
          { code: 'checksum-mismatch' },
        );
      }
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw storageError(error, `cannot copy ${uri} to ${path}`, dirname(path), options.signal);
    }
  }

  private async copyOut(uri: string, part: string, options: Watch): Promise<Digest> {
    const source = await this.openObject(uri);
    if (!source) throw missingObject(uri);
    return pumpToFile(bytesOf(source), part, options);
  }

  async stat(uri: string): Promise<ObjectInfo | null> {
    const key = this.keyOf(uri);
    const found = await this.locate(key);
    return found && { key, uri, sizeBytes: found.size, modifiedAt: found.modifiedAt };
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const root = await this.realRoot();
    if (root && (await this.realFolder(root, folder))) yield* this.walk(folder, prefix);
  }

  async delete(uri: string): Promise<void> {
    const key = this.keyOf(uri);
    const root = await this.realRoot();
    if (!root || !(await this.realFolder(root, parentOf(key)))) return;
    try {
      await unlink(join(root, key));
    } catch (error) {
      // EISDIR and EPERM (elsewhere than on Linux): a folder is no object, so there is nothing to remove.
      if (!isMissing(error) && !(await isFolder(join(root, key))))
        throw storageError(error, `cannot delete ${key}`, this.root);
    }
    // Not synced: a deletion that a power cut takes back is repeated by the next gc.
    for (let folder = parentOf(key); folder !== ''; folder = parentOf(folder.slice(0, -1))) {
      const empty = await rmdir(join(root, folder)).then(
        () => true,
        (error) => codeOf(error) === 'ENOENT',
      );
      if (!empty) break;
    }
  }

  async move(
    uri: string,
    toKey: string,
    { sizeBytes, signal }: { sizeBytes?: number; signal?: AbortSignal } = {},
  ): Promise<ObjectInfo> {
    const key = this.keyOf(uri);
    checkKey(toKey);
    try {
      signal?.throwIfAborted();
      const root = await this.realRoot();
      const source = root && key !== toKey ? await this.locate(key) : null;
      if (root && source) {
        // As a put publishes: by a link, which fails when the name is taken. Until the old name goes, the object has both.
        const won = await this.publish(source.path, root, toKey).catch(async (error) => {
          // Somebody else is moving it too: what is there now decides, below.
          if (isMissing(error) && !(await this.locate(key))) return true;
          throw error;
        });
        if (!won && !(await this.isSame(key, toKey, signal))) throw objectExists(this.uriOf(toKey));
      }
      const moved = await this.stat(this.uriOf(toKey));
      if (!moved || (sizeBytes !== undefined && moved.sizeBytes !== sizeBytes)) throw missingObject(uri);
      signal?.throwIfAborted();
      if (source) await this.delete(uri);
      return moved;
    } catch (error) {
      throw storageError(error, `cannot move ${key} to ${toKey}`, this.root, signal);
    }
  }

  /** Whether two keys are names of one file, or of the same bytes; an object that has gone meanwhile differs from none. */
  private async isSame(key: string, other: string, signal?: AbortSignal): Promise<boolean> {
    const paths = [await this.locate(key), await this.locate(other)];
    const [one, two] = await Promise.all(paths.map((found) => found && lstat(found.path).catch(() => null)));
    if (!one || !two || (one.ino === two.ino && one.dev === two.dev)) return true;
    const sums = [await this.checksum(this.uriOf(key), signal), await this.checksum(this.uriOf(other), signal)];
    return !sums[0] || !sums[1] || sums[0].sha256 === sums[1].sha256;
  }

  async checksum(uri: string, signal?: AbortSignal): Promise<Digest | null> {
    signal?.throwIfAborted();
    const file = await this.openObject(uri);
    if (!file) return null;
    const body = bytesOf(file);
    try {
      return await pump(body, signal ? { signal } : {});
    } catch (error) {
      throw storageError(error, `cannot read ${uri}`, this.root, signal);
    }
  }

  async link(uri: string): Promise<null> {
    this.keyOf(uri);
    return null;
  }

  /** Make sure that the root and its folder for incoming files are there; answers the root without symbolic links. */
  private async prepare(): Promise<string> {
    const incoming = join(this.root, INCOMING);
    await makeFolder(incoming);
    this.cleared ??= clearStale(incoming);
    await this.cleared;
    return realpath(this.root);
  }

  private async write(body: Body, incoming: string, options: Watch): Promise<Digest> {
    const file = await open(incoming, 'wx');
    try {
      const source = await sourceOf(body);
      const digest = await pump(source, { ...options, write: file });
      await seal(file);
      return digest;
    } finally {
      await file.close();
    }
  }

  /** Give a finished file a name, durably; false when an object has it already (that name is durable then too). */
  private async publish(path: string, root: string, key: string): Promise<boolean> {
    const folder = parentOf(key);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.realFolder(root, folder);
        await makeFolder(join(root, folder));
        const won = await link(path, join(root, key)).then(
          () => true,
          async (error) => {
            if (codeOf(error) === 'EEXIST' && (await this.locate(key))) return false;
            throw error;
          },
        );
        await syncFolder(join(root, folder));
        return won;
      } catch (error) {
        if (!['EEXIST', 'ENOENT', 'ENOTDIR'].includes(codeOf(error))) throw error;
        // Mostly a delete that removed the folder, empty until now, between two calls: then the next try is well.
        if (attempt < PUBLISH_TRIES) continue;
        if (codeOf(error) === 'ENOENT') throw error;
        throw new PermanentError(`cannot store ${key}: one of the names in it is taken, as an object or as a folder`, {
          cause: error,
          code: 'object-exists',
        });
      }
    }
  }

  private async *walk(folder: string, prefix: string): AsyncGenerator<ObjectInfo> {
    const entries = await readdir(join(this.root, folder), { withFileTypes: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw storageError(error, `cannot list ${folder}`, this.root);
    });
    // A folder sorts as its name with the slash, as it would inside a whole key: `a.txt` comes before `a/b`.
    const keys = entries
      .filter((entry) => entry.isFile() || entry.isDirectory())
      .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
      .filter((key) => !key.startsWith('.') && key.startsWith(prefix))
      .map((key) => ({ key, order: Buffer.from(key) }))
      .sort((a, b) => Buffer.compare(a.order, b.order));
    for (const { key } of keys) {
      if (key.endsWith('/')) {
        yield* this.walk(key, prefix);
        continue;
      }
      const found = await this.locate(key);
      if (found) yield { key, uri: this.uriOf(key), sizeBytes: found.size, modifiedAt: found.modifiedAt };
    }
  }

  private async openObject(uri: string): Promise<FileHandle | null> {
    const key = this.keyOf(uri);
    const found = await this.locate(key);
    if (!found) return null;
    return open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
      if (isMissing(error)) return null;
      throw storageError(error, `cannot read ${key}`, this.root);
    });
  }

  /** The file behind a key, or null. Throws when a symbolic link is in the way. */
  private async locate(key: string): Promise<{ path: string; size: number; modifiedAt: Date } | null> {
    try {
      const root = await this.realRoot();
      if (!root || !(await this.realFolder(root, parentOf(key)))) return null;
      const path = join(root, key);
      const info = await lstat(path);
      if (info.isSymbolicLink()) throw escapes(key, root);
      return info.isFile() ? { path, size: info.size, modifiedAt: info.mtime } : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw storageError(error, `cannot read ${key}`, this.root);
    }
  }

  private realRoot(): Promise<string | null> {
    return realpath(this.root).catch((error) => {
      if (isMissing(error)) return null;
      throw storageError(error, 'cannot open the store', this.root);
    });
  }

  /** Whether `folder` is there; throws when it, or the deepest part of it that is there, lies outside the root. */
  private async realFolder(root: string, folder: string): Promise<boolean> {
    for (let part = folder; ; part = parentOf(part.slice(0, -1))) {
      const real = await realpath(join(root, part)).catch((error) => {
        if (isMissing(error)) return null;
        throw error;
      });
      if (real === null) {
        if (part === '') return false;
        // A link to nowhere: mkdir would refuse it too, but with a sentence that helps nobody.
        const dangling = await lstat(join(root, part.slice(0, -1))).catch(() => null);
        if (dangling?.isSymbolicLink()) throw escapes(folder, root);
        continue;
      }
      if (real !== root && !real.startsWith(root + sep)) throw escapes(folder, root);
      return part === folder;
    }
  }
}

/** Remove what nobody has written to for a day; what cannot be removed is invisible and may stay. */
async function clearStale(incoming: string): Promise<void> {
  const old = Date.now() - STALE_MS;
  for (const name of await readdir(incoming).catch(() => [])) {
    const left = await lstat(join(incoming, name)).catch(() => null);
    if (left?.isFile() && left.mtimeMs < old) await rm(join(incoming, name), { force: true }).catch(() => {});
  }
}

/** The folder part of a key, with its slash; '' at the top. */
function parentOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
