/** The version of the product: that of the workspace's root. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function version(): string {
  const root = join(import.meta.dirname, '../../../package.json');
  return (JSON.parse(readFileSync(root, 'utf8')) as { version: string }).version;
}
