/**
 * By which names a server on loopback may be asked for. A browser that is lured to a page of `evil.example` can be told,
 * a moment later, that this name now means 127.0.0.1 (DNS rebinding): that page then reads and writes here as if it were
 * ours. Only the name it asks for, the Host header, gives it away. Pure.
 */
import { isLoopback } from '@reelfleet/config';

/** The name in a Host header, without its port; null when it is none. */
export function hostNameOf(header: string | undefined): string | null {
  const found = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?\.?)(:\d{1,5})?$/i.exec(header ?? '');
  return found?.[1]?.toLowerCase().replace(/\.$/, '') ?? null;
}

/** Whether a name can mean nothing but the machine the browser runs on: browsers resolve `*.localhost` themselves. */
export function isLocalName(name: string): boolean {
  return isLoopback(name) || name.endsWith('.localhost');
}
