# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of gpu_info's findings; pure, so that each verdict has a unit test."""

from __future__ import annotations

# A float32 product of 256 x 256 standard normals is some 5e-5 off the float64 one; with TF32 rounding some 1e-2.
LARGEST_ERROR = 0.1


def judge(found: dict, accelerator: str, gpu_count: int, level: int) -> list:
    """``[{"code": None or str, "ok": bool, "message": str}]``, in the order in which an operator should read them."""
    verdicts = [_packages(found)]
    if accelerator == "cuda":
        verdicts.append(_driver(found["driver"], gpu_count))
    framework = found["framework"]
    if level == 0:
        return verdicts
    if framework is None:
        # Fails closed: nobody may believe that a GPU was checked where nothing could look at it.
        verdicts.append(
            _bad(
                "FERRY-GPU-001",
                "expected a framework that can be checked on this GPU profile, found none; lower ferry_gpu_level to 0 to accept that.",
            )
            if accelerator == "cuda"
            else _good("no GPU framework in this release, none expected")
        )
        return verdicts
    steps = framework["steps"]
    if "import" not in steps:
        return verdicts + [_stopped(framework)]
    verdicts.append(_version(framework, steps["import"]))
    if accelerator == "cuda":
        verdicts.append(_build(framework, steps["import"]))
    missing = [step for step in ("devices", "compute")[:level] if step not in steps]
    if "devices" in steps:
        devices = steps["devices"]["devices"]
        verdicts.append(_devices(devices, accelerator, gpu_count))
        if "compute" in steps and level >= 2:
            verdicts += _computations(devices, steps["compute"]["computed"])
    if missing or framework["outcome"] != "ok":
        verdicts.append(_stopped(framework))
    return verdicts


def _packages(found):
    odd = sorted({name for name, _version in set(found["packages"].items()) ^ set(found["locked"].items())})
    if odd:
        return _bad(
            "FERRY-GPU-002",
            "release %s: expected the locked distributions, found a difference in %s; run rollback.yml, remove that release, then run deploy.yml."
            % (found["release"], ", ".join(odd)),
        )
    trim = ", trimmed: " + found["trim"] if found.get("trim") else ""
    return _good("%d distributions, each at its locked version%s" % (len(found["locked"]), trim))


def _driver(driver, gpu_count):
    if driver["outcome"] != "ok":
        return _bad(
            "FERRY-GPU-007",
            "expected a working NVIDIA driver, found: %s; repair the driver, then run verify.yml." % driver["reason"],
        )
    if len(driver["devices"]) < gpu_count:
        return _bad(
            "FERRY-GPU-004",
            "expected %d GPUs at the driver, found %d; check the devices and dmesg."
            % (gpu_count, len(driver["devices"])),
        )
    first = driver["devices"][0] if driver["devices"] else {}
    return _good(
        "driver %s with %d GPUs (%s)" % (first.get("driver_version"), len(driver["devices"]), first.get("name"))
    )


def _version(framework, imported):
    # A local part (+cpu, +cu126) belongs to the wheel, not to what the framework calls itself.
    if imported["version"].split("+")[0] != framework["locked_version"].split("+")[0]:
        return _bad(
            "FERRY-GPU-002",
            "expected %s %s, found %s; run deploy.yml."
            % (framework["framework"], framework["locked_version"], imported["version"]),
        )
    return _good("%s %s, a %s build" % (framework["framework"], imported["version"], imported["build"]))


def _build(framework, imported):
    if imported["build"] != "cuda":
        return _bad(
            "FERRY-GPU-003",
            "expected a CUDA build of %s on a GPU profile, found a CPU-only build; lock tensorflow[and-cuda]."
            % framework["framework"],
        )
    return _good("built for CUDA %s, cuDNN %s" % (imported["cuda"], imported["cudnn"]))


def _devices(devices, accelerator, gpu_count):
    gpus = [device for device in devices if device["type"] == "GPU"]
    if accelerator == "cuda" and len(gpus) < gpu_count:
        return _bad(
            "FERRY-GPU-004",
            "expected the framework to see %d GPUs, found %d (silent CPU fallback); check the driver and the CUDA libraries."
            % (gpu_count, len(gpus)),
        )
    return _good(
        "the framework sees %s"
        % ", ".join(
            "%s%s" % (device["name"], " (%s)" % device["model"] if device["model"] else "") for device in devices
        )
    )


def _computations(devices, computed):
    """One verdict for each device that should have computed, also where it never did."""
    by_device = {entry["device"]: entry for entry in computed}
    never = {"error": None, "reason": "it was not tried"}
    names = [device["name"] for device in devices if device["type"] in ("CPU", "GPU")]
    return [_computed(dict(by_device.get(name, never), device=name)) for name in names]


def _computed(entry):
    if entry["error"] is None:
        return _bad(
            "FERRY-GPU-006",
            "%s: a compiled graph did not compute: %s; take the device out of service and check it."
            % (entry["device"], entry["reason"]),
        )
    if not entry["error"] <= LARGEST_ERROR:  # written so that NaN is refused
        return _bad(
            "FERRY-GPU-006",
            "%s: expected the CPU's float64 product within %s, found %s off; take the device out of service."
            % (entry["device"], LARGEST_ERROR, entry["error"]),
        )
    return _good(
        "%s: a compiled graph computes and agrees with NumPy's float64 product within %.1e"
        % (entry["device"], entry["error"])
    )


def _stopped(framework):
    code = "FERRY-GPU-005" if framework["outcome"] == "timeout" else "FERRY-GPU-001"
    return _bad(
        code,
        "%s did not finish its check: %s; run verify.yml with -v on this host."
        % (framework["framework"], framework["reason"] or "it ended before its last step"),
    )


def _good(message):
    return {"code": None, "ok": True, "message": message}


def _bad(code, message):
    return {"code": code, "ok": False, "message": message}
