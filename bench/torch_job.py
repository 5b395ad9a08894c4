"""A whole training of the reference, on token ids that our tokenizer has made: load, train, validate after each epoch.

Driven by bench/job.ts: one JSON object on stdin, one on stdout.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from torch_reference import load_model


class Rows:
    """Token ids and classes of one split. `length`: what all batches are padded to; None: to their longest."""

    def __init__(self, split, pad_id, length):
        self.pad_id = pad_id
        self.labels = torch.tensor(split["classes"])
        self.texts = [torch.tensor(ids) for ids in split["ids"]]
        self.padded = self.pad(self.texts, length) if length else None

    def pad(self, texts, length=None):
        padded = pad_sequence(texts, batch_first=True, padding_value=self.pad_id)
        return F.pad(padded, (0, length - padded.shape[1]), value=self.pad_id) if length else padded

    def batch(self, rows):
        ids = self.padded[rows] if self.padded is not None else self.pad([self.texts[row] for row in rows.tolist()])
        return ids, (ids != self.pad_id).float(), self.labels[rows]


def accuracy(model, rows, batch_size):
    right = 0
    with torch.inference_mode():
        for chosen in torch.arange(len(rows.labels)).split(batch_size):
            ids, mask, labels = rows.batch(chosen)
            right += (model(ids, mask).argmax(1) == labels).sum().item()
    return right / len(rows.labels)


def main():
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    model, trained = load_model(request)
    with open(request["tokens"]) as file:
        tokens = json.load(file)
    train, validation = (Rows(tokens[name], tokens["padId"], request["padTo"]) for name in ("train", "validation"))
    optimizer = torch.optim.AdamW(trained, lr=request["learningRate"], weight_decay=request["weightDecay"])
    count = len(train.labels)
    steps = request["epochs"] * -(-count // request["batchSize"])
    rising = int(steps * request["warmup"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: step / rising if step < rising else (steps - step) / max(1, steps - rising)
    )
    training_seconds = 0.0
    accuracies = []
    for _ in range(request["epochs"]):
        for chosen in torch.randperm(count).split(request["batchSize"]):
            began = time.perf_counter()
            ids, mask, labels = train.batch(chosen)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(ids, mask), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, request["clipNorm"])
            optimizer.step()
            scheduler.step()
            training_seconds += time.perf_counter() - began
        accuracies.append(accuracy(model, validation, request["evaluationBatchSize"]))
    print(
        json.dumps(
            {
                "trainingSeconds": training_seconds,
                "accuracies": accuracies,
                "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


main()
