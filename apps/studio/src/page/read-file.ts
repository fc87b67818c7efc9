/** @throws the reader's error when the file is gone or may not be read */
export function toDataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => (typeof reader.result === "string" ? resolve(reader.result) : reject(new Error("no text")));
    reader.onerror = () => reject(reader.error ?? new Error("not readable"));
    reader.readAsDataURL(file);
  });
}

const SIDES = [2_048, 1_536, 1_024, 768, 512];
const QUALITY = 0.82;

/** The picture as the largest JPEG that fits; undefined where the browser cannot draw it, or none fits. */
export async function shrinkImage(file: File, maxCharacters: number): Promise<File | undefined> {
  try {
    const image = await createImageBitmap(file);
    for (const side of SIDES) {
      const scale = Math.min(1, side / Math.max(image.width, image.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(image.width * scale));
      canvas.height = Math.max(1, Math.round(image.height * scale));
      const context = canvas.getContext("2d");
      if (!context) return undefined;
      // A JPEG has no holes: they would be black, and black lines on them not to be seen.
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
      if (blob && (blob.size * 4) / 3 + 100 <= maxCharacters) {
        return new File([blob], file.name, { type: blob.type, lastModified: file.lastModified });
      }
    }
  } catch {
    // No picture after all.
  }
  return undefined;
}
