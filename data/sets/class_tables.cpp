#include "data/sets/class_tables.h"

#include "data/text_lines.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

// Names between commas; colours as rrggbb, one after the other.
constexpr const char* kVoc =
    "background,aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,"
    "person,pottedplant,sheep,sofa,train,tvmonitor";
constexpr const char* kContext =
    "background,aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,table,dog,horse,motorbike,"
    "person,pottedplant,sheep,sofa,train,tvmonitor,bag,bed,bench,book,building,cabinet,ceiling,cloth,"
    "computer,cup,door,fence,floor,flower,food,grass,ground,keyboard,light,mountain,mouse,curtain,"
    "platform,sign,plate,road,rock,shelves,sidewalk,sky,snow,bedclothes,track,tree,truck,wall,water,"
    "window,wood";
constexpr const char* kAde20k =
    "wall,building,sky,floor,tree,ceiling,road,bed,windowpane,grass,cabinet,sidewalk,person,earth,door,"
    "table,mountain,plant,curtain,chair,car,water,painting,sofa,shelf,house,sea,mirror,rug,field,"
    "armchair,seat,fence,desk,rock,wardrobe,lamp,bathtub,railing,cushion,base,box,column,signboard,"
    "chest of drawers,counter,sand,sink,skyscraper,fireplace,refrigerator,grandstand,path,stairs,runway,"
    "case,pool table,pillow,screen door,stairway,river,bridge,bookcase,blind,coffee table,toilet,flower,"
    "book,hill,bench,countertop,stove,palm,kitchen island,computer,swivel chair,boat,bar,arcade machine,"
    "hovel,bus,towel,light,truck,tower,chandelier,awning,streetlight,booth,television receiver,airplane,"
    "dirt track,apparel,pole,land,bannister,escalator,ottoman,bottle,buffet,poster,stage,van,ship,"
    "fountain,conveyer belt,canopy,washer,plaything,swimming pool,stool,barrel,basket,waterfall,tent,bag,"
    "minibike,cradle,oven,ball,food,step,tank,trade name,microwave,pot,animal,bicycle,lake,dishwasher,"
    "screen,blanket,sculpture,hood,sconce,vase,traffic light,tray,ashcan,fan,pier,crt screen,plate,"
    "monitor,bulletin board,shower,radiator,glass,clock,flag";
constexpr const char* kCityscapes =
    "road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,person,"
    "rider,car,truck,bus,train,motorcycle,bicycle";
constexpr const char* kCocoStuff =
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,"
    "handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,"
    "surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,"
    "broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,"
    "mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,"
    "teddy bear,hair drier,toothbrush,banner,blanket,branch,bridge,building-other,bush,cabinet,cage,"
    "cardboard,carpet,ceiling-other,ceiling-tile,cloth,clothes,clouds,counter,cupboard,curtain,"
    "desk-stuff,dirt,door-stuff,fence,floor-marble,floor-other,floor-stone,floor-tile,floor-wood,flower,"
    "fog,food-other,fruit,furniture-other,grass,gravel,ground-other,hill,house,leaves,light,mat,metal,"
    "mirror-stuff,moss,mountain,mud,napkin,net,paper,pavement,pillow,plant-other,plastic,platform,"
    "playingfield,railing,railroad,river,road,rock,roof,rug,salad,sand,sea,shelf,sky-other,skyscraper,"
    "snow,solid-other,stairs,stone,straw,structural-other,table,tent,textile-other,towel,tree,vegetable,"
    "wall-brick,wall-concrete,wall-other,wall-panel,wall-stone,wall-tile,wall-wood,water-other,"
    "waterdrops,window-blind,window-other,wood";
constexpr const char* kCamvid =
    "Sky,Building,Pole,Road,Pavement,Tree,SignSymbol,Fence,Car,Pedestrian,Bicyclist";
constexpr const char* kCamvid32 =
    "Animal,Archway,Bicyclist,Bridge,Building,Car,CartLuggagePram,Child,Column_Pole,Fence,LaneMkgsDriv,"
    "LaneMkgsNonDriv,Misc_Text,MotorcycleScooter,OtherMoving,ParkingBlock,Pedestrian,Road,RoadShoulder,"
    "Sidewalk,SignSymbol,Sky,SUVPickupTruck,TrafficCone,TrafficLight,Train,Tree,Truck_Bus,Tunnel,"
    "VegetationMisc,Wall";
constexpr const char* kAde20kColours =
    "787878b4787806e6e650323204c8037878508c8c8ccc05ffe6e6e604fa07e005ffebff0796053d78784608ff33ff06528fff8c"
    "ccff04ff3307cc46030066c83de6faff06330b66ffff0747ff09e00907e6dcdcdcff095c7009ff08ffd607ffe0ffb8060aff47"
    "ff290a07ffffe0ff086608ffff3d06ffc207ff7a0800ff14ff0829ff05990633ffeb0cffa0961400a3ff8c8c8cfa0a0f14ff00"
    "1fff00ff1f00ffe00099ff000000ffff470000ebff00adff1f00ff0bc8c8ff520000fff5003dff00ff7000ff85ff0000ffa300"
    "ff6600c2ff00008fff33ff000052ff00ff2900ffad0a00ffadff0000ff99ff5c00ff00ffff00f5ff0066ffad00ff0014ffb8b8"
    "001fff00ff3d0047ffff00cc00ffc200ff52000aff0070ff3300ff00c2ff007aff00ffa3ff990000ff0aff70008fff005200ff"
    "a3ff00ffeb0008b8aa8500ff00ff5cb800ffff001f00b8ff00d6ffff00705cff0000e0ff70e0ff46b8a0a300ff9900ff47ff00"
    "ff00a3ffcc00ff008f00ffeb85ff00ff00ebf500ffff007afff5000abed4d6ff0000ccff1400ffffff000099ff0029ff00ffcc"
    "2900ff29ff00ad00ff00f5ff4700ff7a00ff00ffb8005cffb8ff000085ffffd60019c2c266ff005c00ff";
constexpr const char* kCityscapesColours =
    "804080f423e846464666669cbe9999999999faaa1edcdc006b8e2398fb984682b4dc143cff000000008e000046003c64005064"
    "0000e6770b20";
constexpr const char* kCamvidColours = "808080800000c0c0808040800000c0808000c080804040804000804040000080c0";
constexpr const char* kCamvid32Colours =
    "408040c000800080c00080408000004000804000c0c08040c0c0804040808000c0c00040808040c000c080404040c080404000"
    "8040808080c00000c0c080808080804080c0000040004040c04080808000c080c0400040c0c00040c000";

std::vector<Rgb> colours_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint8_t>(16 * digit(hex[i]) + digit(hex[i + 1]));
  };
  std::vector<Rgb> colours;
  for (std::size_t i = 0; i < hex.size(); i += 6) colours.push_back({byte(i), byte(i + 2), byte(i + 4)});
  return colours;
}

ClassTable table(const char* names, std::string_view colours = "") {
  return {split_at(names, ","), colours_of(colours)};
}

}  // namespace

ClassTable voc_classes() { return table(kVoc); }
ClassTable context_classes() { return table(kContext); }
ClassTable ade20k_classes() { return table(kAde20k, kAde20kColours); }
ClassTable cityscapes_classes() { return table(kCityscapes, kCityscapesColours); }
ClassTable coco_stuff_classes() { return table(kCocoStuff); }
ClassTable camvid_classes() { return table(kCamvid, kCamvidColours); }
ClassTable camvid32_classes() { return table(kCamvid32, kCamvid32Colours); }

}  // namespace clearcut
