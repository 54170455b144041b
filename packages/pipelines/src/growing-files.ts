/** Reading files while a program still writes them, woken by whoever hears the program move: no clock, no watching of folders. */
import { type FileHandle, open } from 'node:fs/promises';

const BLOCK = 256 * 1024;

/** What one program writes. Any number of its files can be read at once. */
export class GrowingFiles {
  #ended = false;
  /** Counts what was said, so that nothing said during a read is missed. */
  #said = 0;
  #wake: (() => void)[] = [];

  /** The program may have written more. */
  grew(): void {
    this.#said += 1;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Nothing will be written any more. */
  end(): void {
    this.#ended = true;
    this.grew();
  }

  /** The bytes of a file, from its first to the last one written before the end. The file need not be there yet. */
  async *read(path: string): AsyncGenerator<Buffer, void, void> {
    let file: FileHandle | null = null;
    let position = 0;
    try {
      for (;;) {
        const said = this.#said;
        const ended = this.#ended;
        file ??= await openIfThere(path, ended);
        if (file) position = yield* bytesFrom(file, position);
        if (ended) return;
        if (said === this.#said) await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    } finally {
      await file?.close();
    }
  }
}

async function openIfThere(path: string, must: boolean): Promise<FileHandle | null> {
  try {
    return await open(path);
  } catch (error) {
    if (!must && (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * What is there now, from a position on; answers where it ended. Memory is taken for bytes that are there, and none to find that
 * there are none: this is asked twice a second for each file.
 */
async function* bytesFrom(file: FileHandle, start: number): AsyncGenerator<Buffer, number, void> {
  const { size } = await file.stat();
  let position = start;
  while (position < size) {
    const wanted = Math.min(BLOCK, size - position);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  return position;
}
