/** The files a run has stored, its product first, the many that only led to it folded away. */
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { ArtifactRow } from '../api.ts';
import { bytes, count, words } from '../format.ts';
import { icon } from '../parts/icons.ts';

/** What a fan-out made is material; what a single task made is the product, or about it. */
const isMaterial = (artifact: ArtifactRow) => artifact.taskKey?.includes('/') ?? false;

export function filesView(artifacts: readonly ArtifactRow[]): TemplateResult | typeof nothing {
  if (artifacts.length === 0) return nothing;
  const { material = [], product = [] } = Object.groupBy(artifacts, (one) =>
    isMaterial(one) ? 'material' : 'product',
  );
  const total = (list: readonly ArtifactRow[]) => bytes(list.reduce((sum, one) => sum + one.sizeBytes, 0));
  return html`
    <section aria-labelledby="files">
      <h2 id="files">Files <span class="muted figures">${total(artifacts)}</span></h2>
      ${product.length === 0 ? nothing : table(product, 'Files of the run')}
      ${
        material.length === 0
          ? nothing
          : html`<details>
            <summary>${count(material.length, 'file')} of material <span class="muted figures">${total(material)}</span></summary>
            ${table(material, 'Material of the run')}
          </details>`
      }
    </section>
  `;
}

function table(artifacts: readonly ArtifactRow[], label: string): TemplateResult {
  return html`<div class="scroll"><table aria-label=${label}>
    <thead><tr><th scope="col">File</th><th scope="col" class="wide">Kind</th><th scope="col" class="wide">From</th><th scope="col" class="right">Size</th><th scope="col" class="wide">SHA-256</th><th scope="col"><span class="unseen">Download</span></th></tr></thead>
    <tbody>${repeat(
      artifacts,
      (one) => one.uri,
      (one) => html`<tr>
        <td>${fileName(one)}</td>
        <td class="muted wide" title=${one.contentType}>${words(one.kind)}</td>
        <td class="muted wide">${one.taskKey ?? '–'}</td>
        <td class="right figures">${bytes(one.sizeBytes)}</td>
        <td class="wide"><code title=${one.sha256}>${one.sha256.slice(0, 10)}…</code></td>
        <td class="right"><a class="button small" href=${contentOf(one)} download=${fileName(one)} aria-label="Download ${fileName(one)} of ${one.taskKey ?? 'the run'}">${icon('download')}Download</a></td>
      </tr>`,
    )}</tbody>
  </table></div>`;
}

const fileName = (artifact: ArtifactRow): string => artifact.uri.slice(artifact.uri.lastIndexOf('/') + 1);
const contentOf = (artifact: ArtifactRow): string => `/api/artifacts/${encodeURIComponent(artifact.id)}/content`;
