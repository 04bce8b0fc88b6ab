"""A TensorBoard event file by protobuf's own encoder, with a plain CRC-32C: what our writer must give, byte for byte."""
import os
import struct
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="tensorflow", syntax="proto3")


def message(name, *fields):
    m = file.message_type.add(name=name)
    for field, number, kind, label, type_name in fields:
        m.field.add(name=field, number=number, type=kind, label=label, type_name=type_name)


message("Value", ("tag", 1, F.TYPE_STRING, F.LABEL_OPTIONAL, None), ("simple_value", 2, F.TYPE_FLOAT, F.LABEL_OPTIONAL, None))
message("Summary", ("value", 1, F.TYPE_MESSAGE, F.LABEL_REPEATED, ".tensorflow.Value"))
message("Event", ("wall_time", 1, F.TYPE_DOUBLE, F.LABEL_OPTIONAL, None), ("step", 2, F.TYPE_INT64, F.LABEL_OPTIONAL, None),
        ("file_version", 3, F.TYPE_STRING, F.LABEL_OPTIONAL, None),
        ("summary", 5, F.TYPE_MESSAGE, F.LABEL_OPTIONAL, ".tensorflow.Summary"))
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
factory = message_factory.MessageFactory(pool)
Event = factory.GetPrototype(pool.FindMessageTypeByName("tensorflow.Event"))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(event):
    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


event = Event(wall_time=1700000000.25, step=300)
for tag, value in (("train/loss", 0.7), ("eval/miou", 0.125)):
    event.summary.value.add(tag=tag, simple_value=value)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "events.tfevents")
with open(path, "wb") as out:
    out.write(record(Event(wall_time=1700000000.0, file_version="brain.Event:2")) + record(event))
