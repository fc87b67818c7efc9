import type { ReactNode } from "react";
import { SHORTCUTS } from "../page/shortcuts.ts";
import { Modal } from "./modal.tsx";

const COMPOSER = [
  { keys: ["Enter"], does: "Send the message" },
  { keys: ["Shift", "Enter"], does: "New line" },
];

export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const mod = /mac|iphone|ipad/iu.test(navigator.platform) ? "⌘" : "Ctrl";
  return (
    <Modal label="Keyboard shortcuts" className="modal" onClose={onClose} titled>
      <dl className="shortcuts">
        {[...COMPOSER, ...SHORTCUTS].map(({ keys, does }) => (
          <div key={does}>
            <dt>{does}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key === "Mod" ? mod : key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
