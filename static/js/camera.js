// Takes a photo: in the page if the browser allows it, else with the device's camera app.

import { ApiError } from "./api.js";

const [dialog, video, take, close, file] =
  ["camera-dialog", "camera-video", "camera-take", "camera-close", "camera-file"].map((id) => document.getElementById(id));

/** Makes `button` open the camera; `onPhoto` gets each photo, `onError` an ApiError if there is no camera. */
export function cameraButton(button, { onPhoto, onError }) {
  let stream = null;
  let asking = false; // while the browser asks for permission; disabling the button would lose the focus
  button.addEventListener("click", async () => {
    // A phone's own app is better, and without HTTPS it is the only way.
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
