// Takes a photo: with the camera in the page where the browser allows that, else with the device's own camera app.

import { ApiError } from "./api.js";

const [dialog, video, take, close, file] =
  ["camera-dialog", "camera-video", "camera-take", "camera-close", "camera-file"].map((id) => document.getElementById(id));

/** `onPhoto` gets each photo taken, `onError` an ApiError where there is no camera. */
export function cameraButton(button, { onPhoto, onError }) {
  let stream = null;
  let asking = false; // the browser asks the visitor; a disabled button would lose the focus meanwhile
  button.addEventListener("click", async () => {
    // Phones do this better themselves; without a secure address there is no other way.
    if (!navigator.mediaDevices?.getUserMedia || matchMedia("(pointer: coarse)").matches) {
      file.click();
      return;
    }
    if (asking) return;
    asking = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
    } catch (error) {
      onError(new ApiError(0, "no_camera", error.message));
      return;
    } finally {
      asking = false;
    }
    take.disabled = true;
    video.srcObject = stream;
    dialog.showModal();
  });
  video.addEventListener("playing", () => (take.disabled = false));
  take.addEventListener("click", async () => {
    take.disabled = true;
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    dialog.close();
    onPhoto(new File([blob], "camera.jpg", { type: "image/jpeg" }));
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    stream?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  });
  file.addEventListener("change", () => {
    if (file.files.length) onPhoto(file.files[0]);
    file.value = "";
  });
}
